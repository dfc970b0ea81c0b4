# SPDX-License-Identifier: BSD-2-Clause
"""The JUnit file: valid XML with all verdicts."""

from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given

from scaffold.testing.report.junit import write_junit
from scaffold.vmtest.verdict import Outcome, Verdict
from tests.unit.testing.report.verdicts import VERDICTS, one_directory


@given(VERDICTS)
@one_directory
def test_junit_contains_all_verdicts_with_any_text(tmp_path: Path, verdicts: list[Verdict]) -> None:
    write_junit(verdicts, tmp_path / "junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    outcomes = [verdict.verdict for verdict in verdicts]
    failures = sum(outcome in (Outcome.FAIL, Outcome.PANIC, Outcome.TIMEOUT) for outcome in outcomes)
    counts = [suite.get(name) for name in ("tests", "failures", "errors")]
    assert counts == [str(len(outcomes)), str(failures), str(outcomes.count(Outcome.ERROR))]
    assert len(suite) == len(outcomes)
