# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts as a JUnit file, which most build servers read."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from scaffold.testing.report.counts import plain
from scaffold.vmtest.verdict import Outcome, Verdict


def write_junit(verdicts: Sequence[Verdict], path: Path, missing: int = 0) -> None:
    """Write `verdicts` to `path` in the JUnit form: a test case for each project and kernel, and one for all that are
    missing.

    Raises:
        OSError: the file cannot be written.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="ebpf-new test",
        tests=str(len(verdicts) + (missing > 0)),
        failures=str(sum(verdict.verdict in (Outcome.FAIL, Outcome.TIMEOUT, Outcome.PANIC) for verdict in verdicts)),
        errors=str(sum(verdict.verdict == Outcome.ERROR for verdict in verdicts) + (missing > 0)),
        time=f"{sum(verdict.total_s for verdict in verdicts):.3f}",
    )
    for verdict in verdicts:
        suite.append(_case(verdict))
    if missing > 0:
        case = ElementTree.SubElement(suite, "testcase", classname="ebpf-new", name="All have run", time="0.000")
        ElementTree.SubElement(case, "error", type="missing", message=f"{missing} not run, or their results are lost")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(verdict: Verdict) -> ElementTree.Element:
    name = plain(f"{verdict.project} on {verdict.release or verdict.kernel} ({verdict.arch})")
    attributes = {"classname": plain(verdict.framework), "name": name, "time": f"{verdict.total_s:.3f}"}
    case = ElementTree.Element("testcase", attributes)
    if verdict.verdict != Outcome.PASS:
        kind = "error" if verdict.verdict == Outcome.ERROR else "failure"
        trouble = ElementTree.SubElement(case, kind, type=verdict.verdict, message=plain(verdict.reason))
        trouble.text = "\n".join(plain(line) for line in verdict.console)
    return case
