# SPDX-License-Identifier: BSD-2-Clause
"""The shell reads from the settings of a run exactly what the manifest contains."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold.vmtest.manifest import EventSource, Manifest, Proof
from scaffold.vmtest.run import settings_script
from scaffold.vmtest.verdict import trigger_values

MARK = "vmtest-0123456789abcdef"
MANIFEST = Manifest(
    root=Path(), project="hello", framework="", files=("x",), memory=256, command=("./hello", "a b", "{pid}"),
    filter=("--pid={pid}", "$x"), ready="it's", source=EventSource.TRACE, trigger=("echo", "{token}"),
    pattern=re.compile("(?P<pid>1)"), seconds=30, boot_seconds=120,
)  # fmt: skip


def shell_output(script: str, call: str) -> list[str]:
    """Return what `call` prints after `script`; exec prints the words of its command, one per line."""
    script = script.replace("exec ", "printf '%s\\n' ")
    completed = subprocess.run(["sh", "-c", f"{script}\n{call}"], check=True, capture_output=True, text=True)
    return completed.stdout.splitlines()


def test_every_argument_reaches_the_shell_unchanged() -> None:
    script = settings_script(MANIFEST, MARK)
    assert shell_output(script, "program") == ["./hello", "a b", "{pid}"]
    assert shell_output(script, "program_for 98") == ["./hello", "a b", "{pid}", "--pid=98", "$x"]
    assert shell_output(script, "trigger") == ["echo", trigger_values(MARK.encode())[Proof.TOKEN]]
    assert shell_output(script, 'echo "$mark $source"') == [f"{MARK} trace"]
    assert shell_output(script, 'echo "$ready $steps,$value_pattern"') == ["it's all filtered,"]


@pytest.mark.parametrize("proof", [Proof.TOKEN, Proof.PORT])
def test_only_the_trigger_contains_the_value_that_proves_an_event(proof: Proof) -> None:
    trigger, pattern = ("cat", f"/tmp/{{{proof}}}"), re.compile(f"(?P<{proof}>1)")
    script = settings_script(replace(MANIFEST, filter=(), trigger=trigger, pattern=pattern), MARK)
    value = trigger_values(MARK.encode())[proof]
    assert [line for line in script.splitlines() if value in line] == [f"trigger() {{ exec cat /tmp/{value}; }}"]
    (value_pattern,) = shell_output(script, 'echo "$value_pattern"')
    assert value not in value_pattern
    assert re.fullmatch(value_pattern, value)
    assert shell_output(script, 'echo "$steps"') == ["all"]
