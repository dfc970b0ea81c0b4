# SPDX-License-Identifier: BSD-2-Clause
"""Write verdicts as JUnit XML, which most build servers read."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from scaffold.testing.report.counts import single_line
from scaffold.vmtest.verdict import Outcome, Verdict


def write_junit(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write a test case for each verdict to `path`, and one more with an error if verdicts are missing.

    Raises:
        OSError: the file cannot be written.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="ebpf-new test",
        tests=str(len(verdicts) + (missing > 0)),
        failures=str(sum(verdict.verdict in (Outcome.FAIL, Outcome.TIMEOUT, Outcome.PANIC) for verdict in verdicts)),
        errors=str(sum(verdict.verdict is Outcome.ERROR for verdict in verdicts) + (missing > 0)),
        time=f"{sum(verdict.total_s for verdict in verdicts):.3f}",
    )
    for verdict in verdicts:
        suite.append(_test_case(verdict))
    if missing > 0:
        case = ElementTree.SubElement(suite, "testcase", classname="ebpf-new", name="All have run", time="0.000")
        ElementTree.SubElement(case, "error", type="missing", message=f"{missing} not run, or their results are lost")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _test_case(verdict: Verdict) -> ElementTree.Element:
    name = single_line(f"{verdict.project} on {verdict.release or verdict.kernel} ({verdict.arch})")
    attributes = {"classname": single_line(verdict.framework), "name": name, "time": f"{verdict.total_s:.3f}"}
    case = ElementTree.Element("testcase", attributes)
    if verdict.verdict is not Outcome.PASS:
        tag = "error" if verdict.verdict is Outcome.ERROR else "failure"
        element = ElementTree.SubElement(case, tag, type=verdict.verdict, message=single_line(verdict.reason))
        element.text = "\n".join(single_line(line) for line in verdict.console)
    return case
