# SPDX-License-Identifier: BSD-2-Clause
"""Run one project on one kernel: prepare the payload, start the guest, wait for its report, judge it."""

import logging
import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from . import elf, initramfs
from .architecture import Architecture, architecture_of_elf, find_architecture
from .errors import BootError, InfrastructureError, ManifestError
from .kernel_cache import Kernel, with_modules
from .kernels import find_kernel
from .manifest import DEFAULT_BUILD, Manifest, source_and_target
from .printable import printable
from .qemu import MAX_CONSOLE_BYTES, QemuMachine
from .snapshot import PACKAGE, PANIC, GuestRequirements, read_panic_message, start_guest
from .verdict import (
    MAX_LINE_CHARACTERS,
    Outcome,
    StepName,
    Verdict,
    attach_seconds,
    judge,
    pending_action,
    read_report,
    trigger_values,
)

CONSOLE_LINES = 25

LibraryFinder = Callable[[Path], list[initramfs.Entry]]  # returns the libraries that a program loads


def run_project(
    manifest: Manifest,
    spec: str,
    arch: str = "",
    log: Path | None = None,
    libraries: LibraryFinder = initramfs.libraries,
) -> Verdict:
    """Run the project of `manifest` on the kernel `spec` and return the verdict.

    `arch` is the architecture of the guest (Debian's name; default: this machine's). If the run does not pass, the
    console is written to the file `log`. Errors of the program, the guest or this machine are verdicts, not exceptions.

    Raises:
        ManifestError: a file in the manifest is missing.
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
        verdict, console = _run_in_guest(manifest, kernel, payload, mark.encode(), verdict, libraries)
    except BootError as error:
        outcome = Outcome.PANIC if PANIC in error.console else Outcome.ERROR
        verdict, console = replace(verdict, verdict=outcome, reason=str(error)), error.console
    except InfrastructureError as error:
        verdict = replace(verdict, reason=str(error))
    except OSError as error:
        verdict = replace(verdict, reason=f"{error.filename or 'this machine'}: {error.strerror}")
    verdict = replace(verdict, total_s=round(time.monotonic() - began, 3))
    return verdict if verdict.verdict == Outcome.PASS else _with_console(verdict, console, log)


def _with_console(verdict: Verdict, console: bytes, log: Path | None) -> Verdict:
    """Write `console` to the file `log` and return `verdict` with the last lines of it."""
    if log and console:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(console)
            verdict = replace(verdict, log=str(log))
        except OSError as error:
            logging.getLogger("vmtest").warning("cannot write %s: %s", log, error.strerror)
    return replace(verdict, console=_last_lines(console))


def _last_lines(console: bytes) -> tuple[str, ...]:
    lines = console.decode(errors="replace").replace("\r", "").split("\n")
    nonblank = [line for line in lines if line.strip()]
    return tuple(printable(line, MAX_LINE_CHARACTERS) for line in nonblank[-CONSOLE_LINES:])


def listed_kernels(directory: Path) -> list[str]:
    """Return the kernels in `test/kernels` of the project in `directory`; `distro` if it lists none."""
    path = directory / "test" / "kernels"
    return (read_kernels(path) if path.exists() else []) or ["distro"]


def read_kernels(path: Path) -> list[str]:
    """Return the kernels in the file `path`: one per line, and # begins a comment.

    Raises:
        OSError, UnicodeDecodeError: the file cannot be read.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    kernels = [line.partition("#")[0].strip() for line in lines]
    return [kernel for kernel in kernels if kernel]


def program_files(manifest: Manifest) -> list[Path]:
    """Return the files that the guest gets from the manifest, including those in directories.

    Raises:
        ManifestError: one of them is missing.
    """
    return [path for path, _ in _with_targets(manifest, manifest.files) if path.is_file() and not path.is_symlink()]


def check_architecture(files: Sequence[Path], architecture: Architecture) -> None:
    """Check that guests of `architecture` can run the programs in `files`.

    Raises:
        ManifestError: a program is for another architecture that this runner knows.
    """
    for path in files:
        with path.open("rb") as file:
            header = file.read(64)
        other = architecture_of_elf(elf.machine(header)) if elf.is_elf(header) else None
        if other and other != architecture:
            raise ManifestError(
                f"{path} is for {other.machine}, but the guest is {architecture.machine}",
                hint=f"run `make ARCH={architecture.name}`",
            )


def payload_entries(manifest: Manifest, mark: str) -> list[initramfs.Entry]:
    """Return what a run adds to the guest: the project's own files (usually in /app) and the scripts in /run.

    Raises:
        ManifestError: a file in the manifest is missing.
    """
    files = [file for file in manifest.files if not _is_external(file, manifest)]
    return [
        initramfs.file("run/steps.sh", (PACKAGE / "steps.sh").read_bytes()),
        initramfs.file("run/settings.sh", settings_script(manifest, mark).encode()),
        *_entries(_with_targets(manifest, files)),
    ]


def external_entries(manifest: Manifest) -> list[initramfs.Entry]:
    """Return the files in the manifest that are links to files outside of the project, such as tools."""
    return _entries(_with_targets(manifest, [file for file in manifest.files if _is_external(file, manifest)]))


def _is_external(file: str, manifest: Manifest) -> bool:
    path = manifest.root / source_and_target(file)[0]
    return path.is_symlink() and path.exists() and not path.resolve().is_relative_to(manifest.root.resolve())


def _entries(files: Sequence[tuple[Path, str]]) -> list[initramfs.Entry]:
    entries = []
    for path, target in files:
        if path.is_symlink():
            entries.append(initramfs.symlink(target, str(path.readlink())))
        elif path.is_dir():
            entries.append(initramfs.directory(target))
        elif path.is_file():
            entries.append(initramfs.host_file(path, target))
    return entries


def _with_targets(manifest: Manifest, files: Sequence[str]) -> list[tuple[Path, str]]:
    """Return each file, directory and symbolic link for the items `files`, and its path in the guest."""
    paths = []
    for file in files:
        source, target = source_and_target(file)
        path = manifest.root / source
        if not path.exists():
            build = "make" if manifest.build == DEFAULT_BUILD else shlex.join(manifest.build)
            raise ManifestError(f"{path} not found", hint=f"build the project first (`{build}`)" if build else "")
        path = path.resolve()  # the guest gets the target of a link
        paths.append((path, target))
        paths += [(child, f"{target}/{child.relative_to(path)}") for child in sorted(path.rglob("*"))]
    return paths


def settings_script(manifest: Manifest, mark: str) -> str:
    """Return the shell script that tells steps.sh what to run."""
    values = trigger_values(mark.encode())
    value = values.get(manifest.proof, "")
    # As a regular expression that does not contain the value itself: only the trigger may contain it.
    value_pattern = f"[{value[0]}]{value[1:]}" if value else ""

    def with_values(argument: str) -> str:
        for proof, replacement in values.items():
            argument = argument.replace(f"{{{proof}}}", replacement)
        return argument

    steps = f"{StepName.ALL} {StepName.FILTERED}" if manifest.filter else str(StepName.ALL)
    trigger = shlex.join(with_values(argument) for argument in manifest.trigger)
    program = shlex.join(manifest.command)
    filter_arguments = " ".join(shlex.quote(argument).replace("{pid}", "'\"$1\"'") for argument in manifest.filter)
    return "\n".join([
        f"mark={mark}",
        f"ready={shlex.quote(manifest.ready)}",
        f"source={manifest.source}",
        f"steps={shlex.quote(steps)}",
        f"value_pattern={shlex.quote(value_pattern)}",
        f"program() {{ exec {program}; }}",
        f"program_for() {{ exec {program} {filter_arguments}; }}",
        f"trigger() {{ exec {trigger}; }}",
        "",
    ])  # fmt: skip


def _run_in_guest(
    manifest: Manifest,
    kernel: Kernel,
    payload: list[initramfs.Entry],
    mark: bytes,
    verdict: Verdict,
    libraries: LibraryFinder,
) -> tuple[Verdict, bytes]:
    """Start a guest, wait until the run ends, and return the verdict and the console."""
    files = program_files(manifest)
    check_architecture(files, kernel.architecture)
    permanent = [*(entry for path in files for entry in libraries(path)), *external_entries(manifest)]
    requirements = GuestRequirements(manifest.memory, manifest.boot_seconds)
    with start_guest(kernel, permanent, payload, requirements, mark + b" begin") as (machine, startup):
        verdict = replace(verdict, accel=startup.accelerator, warm=startup.warm, boot_s=round(startup.seconds, 3))
        deadline = time.monotonic() + manifest.seconds
        end = machine.read_until([mark + b" bye", PANIC], deadline)
        if end == PANIC:
            read_panic_message(machine)
        return _conclude(manifest, machine, mark, end, verdict), machine.output


def _conclude(manifest: Manifest, machine: QemuMachine, mark: bytes, end: bytes | None, verdict: Verdict) -> Verdict:
    """Return `verdict` with the outcome of a run that ended with `end`: its last mark, PANIC or None."""
    report = read_report(machine.output, mark)
    reason, events = judge(report, manifest)
    outcome = Outcome.FAIL if reason else Outcome.PASS
    if end == PANIC:
        outcome, reason = Outcome.PANIC, "the guest's kernel panicked"
    elif machine.is_flooded:
        outcome, reason = Outcome.FAIL, f"the guest printed more than {MAX_CONSOLE_BYTES >> 20} MiB to the console"
    elif end is None and machine.is_running:
        outcome = Outcome.TIMEOUT
        pending = pending_action(report, manifest)
        reason = f"the run did not complete within {manifest.seconds:g} s: it was waiting for {pending}"
    elif end is None:
        reason = f"the guest ended while the run was waiting for {pending_action(report, manifest)}"
    return replace(verdict, verdict=outcome, attach_s=attach_seconds(report), reason=reason, events=events)
