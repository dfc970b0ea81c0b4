# SPDX-License-Identifier: BSD-2-Clause
"""One project on one kernel: build the payload, start the guest, watch it, judge."""

import logging
import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from . import elf, initramfs
from .architecture import ARCHITECTURES, Architecture, find_architecture
from .errors import GuestLostError, InfrastructureError, ManifestError
from .kernel_cache import Kernel, with_modules
from .kernels import find_kernel
from .manifest import BUILD, Manifest, source_and_target
from .printable import printable
from .qemu import CONSOLE_BYTES, Machine
from .snapshot import HERE, PANIC, GuestNeeds, start_guest
from .verdict import SHOWN, Outcome, Verdict, judge, read_report, run_words, seconds_to_attach, waiting_for

CONSOLE_LINES = 25


Libraries = Callable[[Path], list[initramfs.Entry]]  # those that a program loads


def run_project(
    manifest: Manifest, spec: str, arch: str = "", log: Path | None = None, libraries: Libraries = initramfs.libraries
) -> Verdict:
    """Run the project of `manifest` on the kernel that `spec` names, and return the verdict.

    `arch` is the guest's architecture by Debian's name; none: this machine's. What the console said of a run that
    does not pass goes into the file `log`. `libraries` finds those of a program. Never raises for what goes wrong
    with the program, the guest or the machine: that is the verdict.

    Raises:
        ManifestError: a file that the manifest names is not there.
    """
    began = time.monotonic()
    verdict = Verdict(manifest.project, manifest.framework, spec, arch)
    console = b""
    mark = f"vmtest-{secrets.token_hex(8)}"
    payload = payload_entries(manifest, mark)
    try:
        architecture = find_architecture(arch)
        verdict = replace(verdict, arch=architecture.name)
        kernel = with_modules(find_kernel(spec, architecture), manifest.modules)
        verdict = replace(verdict, release=kernel.release)
        verdict, console = _watch(manifest, kernel, payload, mark.encode(), verdict, libraries)
    except GuestLostError as lost:
        kind = Outcome.PANIC if PANIC in lost.console else Outcome.ERROR
        verdict, console = replace(verdict, verdict=kind, reason=str(lost)), lost.console
    except InfrastructureError as trouble:
        verdict = replace(verdict, reason=str(trouble))
    except OSError as trouble:
        verdict = replace(verdict, reason=f"{trouble.filename or 'this machine'}: {trouble.strerror}")
    verdict = replace(verdict, total_s=round(time.monotonic() - began, 3))
    return verdict if verdict.verdict == Outcome.PASS else _with_console(verdict, console, log)


def _with_console(verdict: Verdict, console: bytes, log: Path | None) -> Verdict:
    if log and console:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(console)
            verdict = replace(verdict, log=str(log))
        except OSError as trouble:
            logging.getLogger("vmtest").warning("%s: %s", log, trouble.strerror)
    return replace(verdict, console=_tail(console))


def listed_kernels(directory: Path) -> list[str]:
    """Return the kernels in `test/kernels` of the project, or `distro` when it lists none."""
    path = directory / "test" / "kernels"
    return (read_kernels(path) if path.exists() else []) or ["distro"]


def read_kernels(path: Path) -> list[str]:
    """Return the kernels that the file `path` names, one a line; # begins a comment.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    kernels = [line.partition("#")[0].strip() for line in lines]
    return [kernel for kernel in kernels if kernel]


def program_files(manifest: Manifest) -> list[Path]:
    """Return the files that the manifest puts into the guest, those in its directories too.

    Raises:
        ManifestError: one of them is not there.
    """
    return [path for path, _ in _placed(manifest, manifest.files) if path.is_file() and not path.is_symlink()]


def reject_foreign(files: Sequence[Path], architecture: Architecture) -> None:
    """Complain of programs among `files` that guests of `architecture` cannot run.

    Raises:
        ManifestError: there is one.
    """
    for path in files:
        with path.open("rb") as file:
            head = file.read(64)
        others = [each for each in ARCHITECTURES.values() if each != architecture]
        found = next((each for each in others if elf.is_elf(head) and elf.machine(head) == each.elf_machine), None)
        if found:
            hint = f"type `make ARCH={architecture.name}`"
            raise ManifestError(f"{path} is for {found.machine}, and the guest is {architecture.machine}: {hint}")


def payload_entries(manifest: Manifest, mark: str) -> list[initramfs.Entry]:
    """Return what this run adds to the guest: the project's own files, /app for most, and the steps under /run."""
    return [
        initramfs.file("run/steps.sh", (HERE / "steps.sh").read_bytes()),
        initramfs.file("run/settings.sh", settings(manifest, mark).encode()),
        *_entries(_placed(manifest, [file for file in manifest.files if not _is_tool(file, manifest)])),
    ]


def tool_entries(manifest: Manifest) -> list[initramfs.Entry]:
    """Return the files that the program runs with and that are not the project's own: they are links out of it."""
    return _entries(_placed(manifest, [file for file in manifest.files if _is_tool(file, manifest)]))


def _is_tool(file: str, manifest: Manifest) -> bool:
    path = manifest.root / source_and_target(file)[0]
    return path.is_symlink() and path.exists() and not path.resolve().is_relative_to(manifest.root.resolve())


def _entries(placed: Sequence[tuple[Path, str]]) -> list[initramfs.Entry]:
    entries = []
    for path, place in placed:
        if path.is_symlink():
            entries.append(initramfs.symlink(place, str(path.readlink())))
        elif path.is_dir():
            entries.append(initramfs.directory(place))
        elif path.is_file():
            entries.append(initramfs.program(path, place))
    return entries


def _placed(manifest: Manifest, files: Sequence[str]) -> list[tuple[Path, str]]:
    """Return each file, directory and symbolic link that is to be in the guest for `files`, and its place there."""
    placed = []
    for file in files:
        source, target = source_and_target(file)
        path = manifest.root / source
        if not path.exists():
            build = "make" if manifest.build == BUILD else shlex.join(manifest.build)
            hint = f": build the project first (`{build}`)" if build else ""
            raise ManifestError(f"{path} is not there{hint}")
        path = path.resolve()  # a link is followed
        placed.append((path, target))
        placed += [(each, f"{target}/{each.relative_to(path)}") for each in sorted(path.rglob("*"))]
    return placed


def settings(manifest: Manifest, mark: str) -> str:
    """Return the shell file that tells steps.sh what to run."""
    chosen = run_words(mark.encode())
    sought = chosen.get(manifest.proof, "")
    # In this form a search for the word does not hold the word itself, which is the trigger's alone.
    hidden = f"[{sought[0]}]{sought[1:]}" if sought else ""

    def filled(word: str) -> str:
        for name, value in chosen.items():
            word = word.replace(f"{{{name}}}", value)
        return word

    trigger = shlex.join(filled(word) for word in manifest.trigger)
    program = shlex.join(manifest.command)
    options = " ".join(shlex.quote(word).replace("{pid}", "'\"$1\"'") for word in manifest.filter)
    return "\n".join([
        f"mark={mark}",
        f"ready={shlex.quote(manifest.ready)}",
        f"source={manifest.source}",
        f"steps={shlex.quote('all filtered' if manifest.filter else 'all')}",
        f"sought={shlex.quote(hidden)}",
        f"program() {{ exec {program}; }}",
        f"program_for() {{ exec {program} {options}; }}",
        f"trigger() {{ exec {trigger}; }}",
        "",
    ])  # fmt: skip


def _watch(
    manifest: Manifest,
    kernel: Kernel,
    payload: list[initramfs.Entry],
    mark: bytes,
    verdict: Verdict,
    libraries: Libraries,
) -> tuple[Verdict, bytes]:
    files = program_files(manifest)
    reject_foreign(files, kernel.architecture)
    lasting = [*(entry for path in files for entry in libraries(path)), *tool_entries(manifest)]
    needs = GuestNeeds(manifest.memory, manifest.boot_seconds)
    guest = start_guest(kernel, lasting, payload, needs, mark + b" begin")
    with guest as (machine, boot):
        verdict = replace(verdict, accel=boot.accel, warm=boot.warm, boot_s=round(boot.seconds, 3))
        deadline = time.monotonic() + manifest.seconds
        ending = machine.read_until([mark + b" bye", PANIC], deadline)
        if ending == PANIC:
            machine.read_until([b"---[ end Kernel panic"], time.monotonic() + 2)
        return _concluded(manifest, machine, mark, ending, verdict), machine.output


def _concluded(manifest: Manifest, machine: Machine, mark: bytes, ending: bytes | None, verdict: Verdict) -> Verdict:
    report = read_report(machine.output, mark)
    reason, events = judge(report, manifest)
    kind = Outcome.FAIL if reason else Outcome.PASS
    if ending == PANIC:
        kind, reason = Outcome.PANIC, "the guest's kernel panicked"
    elif machine.flooded:
        kind, reason = Outcome.FAIL, f"the console was flooded: {CONSOLE_BYTES >> 20} MiB and no end"
    elif ending is None and machine.alive:
        kind = Outcome.TIMEOUT
        reason = f"after {manifest.seconds:g} s the run still waited for {waiting_for(report, manifest)}"
    elif ending is None:
        reason = f"the guest went away while the run waited for {waiting_for(report, manifest)}"
    attach_s = seconds_to_attach(report)
    return replace(verdict, verdict=kind, attach_s=attach_s, reason=reason, events=events)


def _tail(console: bytes) -> tuple[str, ...]:
    lines = console.decode(errors="replace").replace("\r", "").split("\n")
    return tuple(printable(line, SHOWN) for line in [line for line in lines if line.strip()][-CONSOLE_LINES:])
