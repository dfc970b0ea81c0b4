# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts for the tests of reports: one of each kind, and any number with arbitrary texts."""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from scaffold.vmtest.verdict import Outcome, Verdict, as_json

PASS = Verdict(
    "hello", "libbpf", "6.1", "amd64", "6.1.0-56-cloud-amd64", "tcg", True, Outcome.PASS, 0.2, 0.1, 0.5, ("seen",)
)
FAIL = replace(
    PASS, kernel="5.10", verdict=Outcome.FAIL, reason="no event", console=("one", "two"), log="/logs/hello.log"
)
ERROR = replace(PASS, project="other", framework="cilium", verdict=Outcome.ERROR, reason="no QEMU")
PANIC = replace(PASS, kernel="6.12", verdict=Outcome.PANIC, reason="it died", console=("  indented", "\tby a tab"))
HOSTILE = "</details><script>alert(1)</script> ``` | `` [x](http://e.invalid) *b* \x1b[31m \u202e & <b>"
TEXT = st.text(max_size=20) | st.just(HOSTILE) | st.just("`````\n# heading\n</details>")
VERDICTS = st.lists(
    st.builds(
        Verdict,
        project=TEXT, framework=TEXT, kernel=TEXT, arch=st.sampled_from(["amd64", "arm64"]), release=TEXT,
        verdict=st.sampled_from(Outcome), total_s=st.floats(0, 1000), reason=TEXT,
        console=st.lists(TEXT, max_size=2).map(tuple), events=st.lists(TEXT, max_size=1).map(tuple),
    ),
    max_size=4,
)  # fmt: skip
one_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def json_lines(*verdicts: Verdict) -> str:
    """Return what `ebpf-new test --json` prints."""
    return "".join(as_json(verdict) + "\n" for verdict in verdicts)
