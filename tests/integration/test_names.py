# SPDX-License-Identifier: BSD-2-Clause
"""Build projects with random valid names and texts, with the real toolchain of every framework."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.integration.repositories import render, succeed
from tests.render.test_texts import LINES
from tests.render.trees import CATALOG

REFUSED = sorted(
    {name for framework in CATALOG.values() for reserved in framework.reserved_names for name in reserved.names}
)
# Names that a toolchain could reserve, and names that are similar to refused ones.
RISKY = "main lib bin src build internal vendor minimal program a Z x-- y_ v2".split()
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,49}", fullmatch=True),
    st.sampled_from(RISKY + REFUSED),
    st.tuples(st.sampled_from(REFUSED), st.sampled_from("-_0X")).map("".join),
)


@pytest.mark.parametrize("framework", CATALOG)
@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(name=NAMES, texts=st.tuples(LINES, LINES, LINES))
def test_every_valid_name_builds(framework: str, name: str, texts: tuple[str, str, str]) -> None:
    assume(not any(name in reserved.names for reserved in CATALOG[framework].reserved_names))
    description, author, email = texts
    with tempfile.TemporaryDirectory() as directory:
        repository = render(framework, Path(directory), name=name, description=description, author=author, email=email)
        succeed(repository, "build")
        assert (repository / "build" / name).is_file()
