# SPDX-License-Identifier: BSD-2-Clause
"""One project on one kernel: build the payload, start the guest, watch it, judge."""

import secrets
import shlex
import time
from dataclasses import replace
from pathlib import Path

from . import initramfs
from .errors import BadManifest, CannotRun, GuestLost
from .guest import HERE, PANIC, Needs, started_guest
from .kernels import Kernel, find_kernel
from .machine import Machine
from .manifest import Manifest
from .verdict import Verdict, judge, read_report, seconds_to_attach, waiting_for

CONSOLE_LINES = 25


def run_project(manifest: Manifest, spec: str) -> Verdict:
    """Run the project of `manifest` on the kernel that `spec` names, and return the verdict.

    Never raises for what goes wrong with the program, the guest or the machine: that is the verdict.

    Raises:
        BadManifest: a file that the manifest names is not there.
    """
    began = time.monotonic()
    verdict = Verdict(manifest.project, manifest.framework, spec)
    mark = f"vmtest-{secrets.token_hex(8)}"
    payload = payload_entries(manifest, mark)
    try:
        kernel = find_kernel(spec)
        verdict = replace(verdict, release=kernel.release)
        verdict = _watch(manifest, kernel, payload, mark.encode(), verdict)
    except GuestLost as lost:
        kind = "panic" if PANIC in lost.console else "error"
        verdict = replace(verdict, verdict=kind, reason=str(lost), console=_tail(lost.console))
    except CannotRun as trouble:
        verdict = replace(verdict, reason=str(trouble))
    except OSError as trouble:
        verdict = replace(verdict, reason=f"{trouble.filename or 'this machine'}: {trouble.strerror}")
    return replace(verdict, total_s=round(time.monotonic() - began, 3))


def listed_kernels(directory: Path) -> list[str]:
    """Return the kernels in `test/kernels` of the project, or `distro` when it lists none."""
    path = directory / "test" / "kernels"
    lines = path.read_text().splitlines() if path.exists() else []
    kernels = [line.partition("#")[0].strip() for line in lines]
    return [kernel for kernel in kernels if kernel] or ["distro"]


def program_files(manifest: Manifest) -> list[Path]:
    """Return the files that the manifest puts into the guest.

    Raises:
        BadManifest: one of them is not there.
    """
    paths = [manifest.root / name for name in manifest.files]
    for path in paths:
        if not path.is_file():
            raise BadManifest(f"{path} is not there: build the project first (`make`)")
    return paths


def payload_entries(manifest: Manifest, mark: str) -> list[initramfs.Entry]:
    """Return what this run adds to the guest: the program's files under /app, and the steps under /run."""
    entries = [
        initramfs.file("run/steps.sh", (HERE / "steps.sh").read_bytes()),
        initramfs.file("run/settings.sh", settings(manifest, mark).encode()),
    ]
    return entries + [initramfs.program(path, f"app/{path.name}") for path in program_files(manifest)]


def settings(manifest: Manifest, mark: str) -> str:
    """Return the shell file that tells steps.sh what to run."""

    def command(*words: str) -> str:
        quoted = [
            shlex.quote(word).replace("{pid}", "'\"$1\"'") if "{pid}" in word else shlex.quote(word) for word in words
        ]
        return " ".join(quoted)

    filtered = [*manifest.command, *manifest.filter]
    return "\n".join([
        f"mark={mark}",
        f"ready={shlex.quote(manifest.ready)}",
        f"source={manifest.source}",
        f"program() {{ exec {command(*manifest.command)}; }}",
        f"program_for() {{ exec {command(*filtered)}; }}",
        f"trigger() {{ exec {command(*manifest.trigger)}; }}",
        "",
    ])  # fmt: skip


def _watch(
    manifest: Manifest, kernel: Kernel, payload: list[initramfs.Entry], mark: bytes, verdict: Verdict
) -> Verdict:
    libraries = [entry for path in program_files(manifest) for entry in initramfs.libraries(path)]
    needs = Needs(manifest.memory, manifest.boot_seconds)
    guest = started_guest(kernel, libraries, payload, needs, mark + b" begin")
    with guest as (machine, boot):
        verdict = replace(verdict, accel=boot.accel, warm=boot.warm, boot_s=round(boot.seconds, 3))
        deadline = time.monotonic() + manifest.seconds
        ending = machine.read_until([mark + b" bye", PANIC], deadline)
        if ending == PANIC:
            machine.read_until([b"---[ end Kernel panic"], time.monotonic() + 2)
        return _concluded(manifest, machine, mark, ending, verdict)


def _concluded(manifest: Manifest, machine: Machine, mark: bytes, ending: bytes | None, verdict: Verdict) -> Verdict:
    report = read_report(machine.output, mark)
    reason, events = judge(report, manifest)
    kind = "fail" if reason else "pass"
    if ending == PANIC:
        kind, reason = "panic", "the guest's kernel panicked"
    elif ending is None and machine.alive:
        kind = "timeout"
        reason = f"after {manifest.seconds:g} s the run still waited for {waiting_for(report, manifest)}"
    elif ending is None:
        reason = f"the guest went away while the run waited for {waiting_for(report, manifest)}"
    console = () if kind == "pass" else _tail(machine.output)
    attach_s = seconds_to_attach(report)
    return replace(verdict, verdict=kind, attach_s=attach_s, reason=reason, events=events, console=console)


def _tail(console: bytes) -> tuple[str, ...]:
    lines = console.decode(errors="replace").replace("\r", "").splitlines()
    return tuple(line for line in lines if line.strip())[-CONSOLE_LINES:]
