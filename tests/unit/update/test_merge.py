# SPDX-License-Identifier: BSD-2-Clause
"""The formats of git that a merge reads and writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffold.update.merge import (
    Blob,
    ChangeKind,
    FileChange,
    Resolution,
    UnmergedFile,
    parse_conflicts,
    parse_stages,
    quote_path,
    resolve_unmerged,
)

BLOB = Blob("100644", "a" * 40)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [(None, BLOB, ChangeKind.ADDED), (BLOB, BLOB, ChangeKind.CHANGED), (BLOB, None, ChangeKind.REMOVED)],
)
def test_the_kind_of_a_change(old: Blob | None, new: Blob | None, kind: ChangeKind) -> None:
    assert FileChange("file", old, new).kind is kind


def test_parse_stages() -> None:
    assert parse_stages(["100644 aa 1\tdocs/a b", "100755 bb 3\tdocs/a b", "120000 cc 2\tlink\tname"]) == {
        "docs/a b": {1: Blob("100644", "aa"), 3: Blob("100755", "bb")},
        "link\tname": {2: Blob("120000", "cc")},
    }


def test_parse_conflicts() -> None:
    fields = ["1", "README.md", "Auto-merging", "Auto-merging README.md\n"]
    fields += ["1", "README.md", "CONFLICT (contents)", "CONFLICT (content): Merge conflict in README.md\n"]
    fields += ["2", "old", "new", "CONFLICT (rename/delete)", "CONFLICT (rename/delete): ...\n", ""]
    assert list(parse_conflicts(fields)) == [
        ("README.md", "contents"),
        ("old", "rename/delete"),
        ("new", "rename/delete"),
    ]
    assert list(parse_conflicts([])) == []


@pytest.mark.parametrize(
    ("stages", "kind", "resolution"),
    [
        ((1, 3), "modify/delete", Resolution.STAYS_DELETED),
        ((1, 2), "modify/delete", Resolution.STAYS),
        ((1, 2), "rename/delete", Resolution.STAYS),
        ((1, 2, 3), "contents", Resolution.CONFLICT),
        ((2, 3), "add/add", Resolution.CONFLICT),
        ((1, 3), "file/directory", Resolution.CONFLICT),
        ((2,), "rename/delete", Resolution.CONFLICT),
    ],
)
def test_the_resolution_of_an_unmerged_file(stages: tuple[int, ...], kind: str, resolution: Resolution) -> None:
    blobs = {"file": dict.fromkeys(stages, BLOB)}
    assert list(resolve_unmerged(blobs, {"file": kind})) == [UnmergedFile("file", resolution, kind)]


def test_a_file_without_a_message_is_a_conflict() -> None:
    assert list(resolve_unmerged({"file": {2: BLOB}}, {})) == [UnmergedFile("file", Resolution.CONFLICT, "conflict")]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_quoted_path_is_one_line_of_fast_import(path: str) -> None:
    quoted = quote_path(path)
    assert quoted.startswith(b'"') and quoted.endswith(b'"') and b"\n" not in quoted
    unescaped = quoted[1:-1].replace(b"\\\\", b"\0").replace(b'\\"', b'"').replace(b"\\n", b"\n").replace(b"\0", b"\\")
    assert unescaped.decode() == path
