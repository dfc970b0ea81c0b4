# SPDX-License-Identifier: BSD-2-Clause
"""The language of a course: index.md has the one of --lang, and a README the one of its row."""

from pathlib import Path

from tests.conftest import Command


def test_course_in_korean(ebpf_new: Command, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("name,lang\nada,\nbob,en\n")
    done = ebpf_new("course", "new", "roster.csv", "-o", "labs", "-f", "libbpf", "--lang", "ko", "--no-git")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "labs/index.md").read_text().startswith("# 저장소 목록\n")
    assert "## 시작하기" in (tmp_path / "labs/ada/README.md").read_text()
    assert "## Start" in (tmp_path / "labs/bob/README.md").read_text()
    invalid = ebpf_new("course", "new", "roster.csv", "-o", "other", "-f", "libbpf", "--lang", "xx")
    assert invalid.returncode == 2 and "'xx'" in invalid.stderr and not (tmp_path / "other").exists()
