# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts for machines: a JUnit file. (Lines and JSON objects come from vmtest itself.)"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from scaffold.vmtest.verdict import Verdict


def write_junit(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write `verdicts` to `path` in the JUnit form: a test case for each project and kernel.

    Raises:
        OSError: the file cannot be written.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="ebpf-new test",
        tests=str(len(verdicts)),
        failures=str(sum(verdict.verdict in ("fail", "timeout", "panic") for verdict in verdicts)),
        errors=str(sum(verdict.verdict == "error" for verdict in verdicts)),
        time=f"{sum(verdict.total_s for verdict in verdicts):.3f}",
    )
    for verdict in verdicts:
        suite.append(_case(verdict))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(verdict: Verdict) -> ElementTree.Element:
    name = f"{verdict.project} on {verdict.release or verdict.kernel}"
    case = ElementTree.Element("testcase", classname=verdict.framework, name=name, time=f"{verdict.total_s:.3f}")
    if verdict.verdict != "pass":
        kind = "error" if verdict.verdict == "error" else "failure"
        trouble = ElementTree.SubElement(case, kind, type=verdict.verdict, message=_xml(verdict.reason))
        trouble.text = _xml("\n".join(verdict.console))
    return case


def _xml(text: str) -> str:
    """Replace the control characters that XML 1.0 has no way to write."""
    return "".join(c if c >= " " or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
