# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m vmtest [DIR]`: run a project's program in a VM, on one or more kernels."""

import argparse
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

from .errors import ManifestError
from .manifest import load_manifest
from .run import listed_kernels, run_project
from .verdict import as_json, as_text, exit_status


def main(arguments: list[str] | None = None) -> int:
    """Test the project, print a line (or a JSON object) for each kernel, and return the exit status.

    0: every verdict is pass; 1: a program failed; 2: the manifest or the command line is invalid;
    69: this machine could not run a test; 130: interrupted.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        manifest = load_manifest(options.directory, options.manifest)
        verdicts = []
        for spec in options.kernel or listed_kernels(options.directory):
            verdicts.append(run_project(manifest, spec, options.arch))
            print(as_json(verdicts[-1]) if options.json else as_text(verdicts[-1]), flush=True)
    except ManifestError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return exit_status(verdicts)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vmtest",
        description="Boot a kernel in a VM, run the project's program there and check that it sees its event.",
        epilog="Exit status: 0 every kernel passed, 1 the program failed, 2 the manifest or the command line is "
        "invalid, 69 this machine cannot run the test.",
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("."), help="the project (default: the current directory)"
    )
    parser.add_argument("--manifest", type=Path, help="default: test/vmtest.toml of the project")
    parser.add_argument(
        "--kernel", action="append", metavar="V",
        help="6.1, 6.12, … (from the apt archive), newest, distro, host, or a path; may be repeated "
        "(default: test/kernels)",
    )  # fmt: skip
    parser.add_argument("--arch", default="", help="the guest's architecture: amd64 or arm64 (default: this machine's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each kernel")
    return parser
