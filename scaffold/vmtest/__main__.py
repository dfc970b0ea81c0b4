# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m vmtest [DIR]`: run a project's program in a VM, on one kernel or more."""

import argparse
import json
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from .errors import BadManifest
from .manifest import load_manifest
from .run import run_project
from .verdict import Verdict

CANNOT_RUN = 69


def main(arguments: list[str] | None = None) -> int:
    """Test the project, print a line (or a JSON object) for each kernel, and return the exit status.

    0: every verdict is pass; 1: a program failed; 2: the manifest or the command line is wrong;
    69: this machine could not run a test.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="vmtest: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        manifest = load_manifest(options.directory, options.manifest)
        verdicts = []
        for spec in options.kernel or listed_kernels(options.directory):
            verdicts.append(run_project(manifest, spec))
            print(_as_json(verdicts[-1]) if options.json else _as_text(verdicts[-1]), flush=True)
    except BadManifest as error:
        print(f"vmtest: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return exit_status(verdicts)


def exit_status(verdicts: list[Verdict]) -> int:
    """Return the exit status that stands for `verdicts`: the machine's fault outweighs the program's."""
    kinds = {verdict.verdict for verdict in verdicts}
    if "error" in kinds:
        return CANNOT_RUN
    return 0 if kinds == {"pass"} else 1


def listed_kernels(directory: Path) -> list[str]:
    """Return the kernels in `test/kernels` of the project, or `distro` when it lists none."""
    path = directory / "test" / "kernels"
    lines = path.read_text().splitlines() if path.exists() else []
    kernels = [line.partition("#")[0].strip() for line in lines]
    return [kernel for kernel in kernels if kernel] or ["distro"]


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vmtest",
        description="Boot a kernel in a VM, run the project's program there, and see its event.",
        epilog="Exit status: 0 every kernel passed, 1 the program failed, 2 wrong usage, 69 this machine cannot run the test.",
    )
    parser.add_argument("directory", nargs="?", type=Path, default=Path("."), help="the project (default: here)")
    parser.add_argument("--manifest", type=Path, help="default: test/vmtest.toml of the project")
    parser.add_argument(
        "--kernel", action="append", metavar="V",
        help="6.1, 6.12, … (from the apt archive), distro, host, or a path; may be repeated (default: test/kernels)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object for each kernel")
    return parser


def _as_json(verdict: Verdict) -> str:
    return json.dumps({key: value for key, value in asdict(verdict).items() if key != "console"})


def _as_text(verdict: Verdict) -> str:
    start = "saved guest" if verdict.warm else "booted"
    how = f"{verdict.release or verdict.kernel}, {verdict.accel}, {start}" if verdict.accel else verdict.kernel
    lines = [f"{verdict.verdict.upper():8}{verdict.project} on {how}: {verdict.total_s:.1f} s"]
    lines += [f"        {event}" for event in verdict.events[:1]]
    if verdict.reason:
        lines.append(f"        {verdict.reason}")
    if verdict.console:
        lines += ["        The guest's console ended with:", *(f"        | {line}" for line in verdict.console)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
