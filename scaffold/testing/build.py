# SPDX-License-Identifier: BSD-2-Clause
"""Build a project with its own build command, within limits of time and output."""

import math
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaffold.vmtest import processes
from scaffold.vmtest.manifest import Manifest
from scaffold.vmtest.printable import printable
from scaffold.vmtest.verdict import MAX_LINE_CHARACTERS, Outcome, Verdict

MAX_LINES = 25  # of a failed build's output in its verdict
KEPT_BYTES = 64 << 10  # the end of a command's output
# The error by which the Makefiles of our templates report a missing tool.
MISSING_TOOL = re.compile(r"\*\*\* (.* is (?:missing|too old): .*)\.  Stop\.")


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: its exit status (None if it was killed at a limit), and the end of its output."""

    status: int | None
    output: bytes
    exceeded: str = ""  # a clause about the limit that it exceeded; empty for the time limit


Runner = Callable[[Sequence[str], Path, float], CommandResult]  # of a command, its directory, and a limit in seconds


def build(manifest: Manifest, arch: str, run: Runner | None = None) -> Verdict | None:
    """Build the project of `manifest` for `arch` with its own command. Return the verdict of a failure, otherwise None.

    `run` runs the command, for example in a sandbox, and may raise OSError if it cannot. A failed build never raises.
    """
    began = time.monotonic()
    verdict = Verdict(manifest.project, manifest.framework, kernel="", arch=arch, verdict=Outcome.FAIL)
    command = [argument.replace("{arch}", arch) for argument in manifest.build]
    if not command and run is None:
        return None
    try:
        result = (run or run_limited)(command, manifest.root, manifest.build_seconds)
    except OSError as error:
        program = command[0] if command else "the sandbox"
        hint = "; try `apt-get install make`" if program == "make" else ""
        return replace(verdict, verdict=Outcome.ERROR, reason=f"cannot start {program}: {error.strerror}{hint}")
    if result.status == 0 and not result.exceeded:
        return None
    verdict = replace(verdict, total_s=round(time.monotonic() - began, 3))
    lines = tuple(
        printable(line, MAX_LINE_CHARACTERS)
        for line in result.output.decode(errors="replace").splitlines()[-MAX_LINES:]
    )
    if result.exceeded:
        return replace(verdict, reason=f"the build failed: {result.exceeded}", console=lines)
    if result.status is None:
        reason = f"the build did not end within {manifest.build_seconds:g} s"
        return replace(verdict, verdict=Outcome.TIMEOUT, reason=reason, console=lines)
    for line in lines:
        if missing := MISSING_TOOL.search(line):  # a complete explanation, so no more output is needed
            return replace(verdict, reason=f"the build failed: {missing[1]}")
    return replace(verdict, reason=f"the build failed: {_first_error(lines, command)}", console=lines)


def _first_error(lines: Sequence[str], command: Sequence[str]) -> str:
    """Return the first line of the output that mentions an error, or else its last line."""
    relevant = [line for line in lines if not line.startswith(("make:", "make["))] or lines
    errors = [line for line in relevant if "error" in line.lower()] or relevant[-1:]
    return errors[0].strip() if errors else f"{' '.join(command[:1])} printed nothing"


def run_limited(
    command: Sequence[str], directory: Path, seconds: float, max_output_mib: float = math.inf, **options: Any
) -> CommandResult:
    """Run `command` in `directory` for at most `seconds`, then kill all processes of its session.

    A command that prints more than `max_output_mib` is killed too. `options` are those of subprocess.Popen.

    Raises:
        OSError: the command cannot be started.
    """
    deadline = time.monotonic() + seconds
    output, printed = b"", 0
    with _session(command, directory, options) as (process, pipe), selectors.DefaultSelector() as selector:
        # A daemon that the command started may keep the pipe open, so only the end of the command itself counts.
        process_end = os.pidfd_open(process.pid)
        try:
            for source in (pipe, process_end):
                selector.register(source, selectors.EVENT_READ)
            while events := selector.select(max(0.0, deadline - time.monotonic())):
                chunk = _read_available(pipe)
                output = (output + (chunk or b""))[-KEPT_BYTES:]
                printed += len(chunk or b"")
                if printed > max_output_mib * (1 << 20):
                    return CommandResult(None, output, f"it printed more than {max_output_mib} MiB")
                if any(key.fileobj == process_end for key, _ in events):
                    return CommandResult(process.wait(), output)
                if chunk is None:
                    selector.unregister(pipe)
        finally:
            os.close(process_end)
    return CommandResult(None, output)


def _read_available(descriptor: int) -> bytes | None:
    """Return the bytes in the pipe `descriptor`, or None if no process can write to it any more."""
    try:
        return os.read(descriptor, 1 << 20) or None
    except BlockingIOError:
        return b""


@contextmanager
def _session(
    command: Sequence[str], directory: Path, options: Mapping[str, Any]
) -> Iterator[tuple[subprocess.Popen[Any], int]]:
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    pipes |= options
    process: Any
    with processes.start(command, cwd=directory, start_new_session=True, **pipes) as process:
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        try:
            yield process, pipe
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
