# SPDX-License-Identifier: BSD-2-Clause
"""Projects x kernels: build each project by its own Makefile, then run it on every kernel."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from scaffold.vmtest.manifest import Manifest, load_manifest
from scaffold.vmtest.run import listed_kernels, run_project
from scaffold.vmtest.verdict import Verdict

BUILD_LINES = 25
MISSING = re.compile(r"\*\*\* (.* is (?:missing|too old): .*)\.  Stop\.")  # what the Makefile itself found out


def verify(directories: Sequence[Path], kernels: Sequence[str]) -> Iterator[Verdict]:
    """Yield a verdict for every project in `directories` on every kernel, as soon as it is known.

    `kernels` are what `vmtest --kernel` takes; none: those that each project lists in test/kernels.
    A project that does not build fails on every kernel, and the others go on.

    Raises:
        BadManifest: a directory has no manifest, or a wrong one. Nothing was run then.
    """
    manifests = [load_manifest(directory) for directory in directories]
    return _verdicts(manifests, kernels)


def _verdicts(manifests: Sequence[Manifest], kernels: Sequence[str]) -> Iterator[Verdict]:
    for manifest in manifests:
        failure = build(manifest)
        for kernel in kernels or listed_kernels(manifest.root):
            yield replace(failure, kernel=kernel) if failure else run_project(manifest, kernel)


def build(manifest: Manifest) -> Verdict | None:
    """Run the project's own `make`, and return the verdict when that fails."""
    began = time.monotonic()
    verdict = Verdict(manifest.project, manifest.framework, kernel="", verdict="fail")
    try:
        made = subprocess.run(
            ["make", "--no-print-directory", "-C", manifest.root, "build"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        reason = "make is not installed: try `apt-get install make`"
        return replace(verdict, verdict="error", reason=reason)
    if made.returncode == 0:
        return None
    verdict = replace(verdict, total_s=round(time.monotonic() - began, 3))
    lines = tuple(made.stdout.decode(errors="replace").splitlines())[-BUILD_LINES:]
    for line in lines:
        if missing := MISSING.search(line):  # that line says all
            return replace(verdict, reason=f"it does not build: {missing[1]}")
    errors = [line for line in lines if "error" in line.lower()] or [*lines, "make said nothing"]
    return replace(verdict, reason=f"it does not build: {errors[0]}", console=lines)
