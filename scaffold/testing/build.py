# SPDX-License-Identifier: BSD-2-Clause
"""Build a project by its own recipe, within limits: of time, and of what is kept of the output."""

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

LINES = 25
KEPT_BYTES = 64 << 10
MISSING = re.compile(r"\*\*\* (.* is (?:missing|too old): .*)\.  Stop\.")  # what our Makefiles find out themselves


@dataclass(frozen=True)
class BuildResult:
    """How a command ended: its exit status, None when it ran out of time, and the end of its output."""

    status: int | None
    output: bytes
    limit: str = ""  # in words, when it ended at another limit than that of time


Runner = Callable[[Sequence[str], Path, float], BuildResult]  # a command, where, and the seconds that it may take


def build(manifest: Manifest, arch: str, run: Runner | None = None) -> Verdict | None:
    """Build the project of `manifest` for `arch` by its own command, and return the verdict when that fails.

    `run` runs the command, in a sandbox for example; it may raise OSError when it cannot. Never raises for what goes
    wrong with the build.
    """
    began = time.monotonic()
    verdict = Verdict(manifest.project, manifest.framework, kernel="", arch=arch, verdict=Outcome.FAIL)
    command = [word.replace("{arch}", arch) for word in manifest.build]
    if not command and run is None:
        return None
    try:
        built = (run or run_limited)(command, manifest.root, manifest.build_seconds)
    except OSError as error:
        hint = ": try `apt-get install make`" if command[:1] == ["make"] else ""
        what = command[0] if command else "what takes the files"
        return replace(verdict, verdict=Outcome.ERROR, reason=f"{what} cannot be started: {error.strerror}{hint}")
    if built.status == 0 and not built.limit:
        return None
    verdict = replace(verdict, total_s=round(time.monotonic() - began, 3))
    lines = tuple(
        printable(line, MAX_LINE_CHARACTERS) for line in built.output.decode(errors="replace").splitlines()[-LINES:]
    )
    if built.limit:
        return replace(verdict, reason=f"it does not build: {built.limit}", console=lines)
    if built.status is None:
        reason = f"the build still ran after {manifest.build_seconds:g} s"
        return replace(verdict, verdict=Outcome.TIMEOUT, reason=reason, console=lines)
    for line in lines:
        if missing := MISSING.search(line):  # that line says all
            return replace(verdict, reason=f"it does not build: {missing[1]}")
    said = [line for line in lines if not line.startswith(("make:", "make["))] or lines
    errors = (
        [line for line in said if "error" in line.lower()] or said[-1:] or [f"{' '.join(command[:1])} said nothing"]
    )
    return replace(verdict, reason=f"it does not build: {errors[0].strip()}", console=lines)


def run_limited(
    command: Sequence[str], directory: Path, seconds: float, most_mebibytes: float = math.inf, **options: Any
) -> BuildResult:
    """Run `command` in `directory` for `seconds` at most; what it started and did not end goes with it.

    It may print `most_mebibytes`, of which the end is kept. `options` are those of subprocess.Popen.

    Raises:
        OSError: it cannot be started.
    """
    deadline = time.monotonic() + seconds
    output, printed = b"", 0
    with _session(command, directory, options) as (process, pipe), selectors.DefaultSelector() as selector:
        # A daemon that the command left behind may hold the pipe open for ever: the command's own end counts.
        ended = os.pidfd_open(process.pid)
        try:
            for source in (pipe, ended):
                selector.register(source, selectors.EVENT_READ)
            while events := selector.select(max(0.0, deadline - time.monotonic())):
                chunk = _available(pipe)
                output = (output + (chunk or b""))[-KEPT_BYTES:]
                printed += len(chunk or b"")
                if printed > most_mebibytes * (1 << 20):
                    return BuildResult(None, output, f"it printed more than {most_mebibytes} MiB")
                if any(key.fileobj == ended for key, _ in events):
                    return BuildResult(process.wait(), output)
                if chunk is None:
                    selector.unregister(pipe)
        finally:
            os.close(ended)
    return BuildResult(None, output)


def _available(descriptor: int) -> bytes | None:
    """Return what the pipe `descriptor` holds, and None when nobody can write into it any more."""
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
