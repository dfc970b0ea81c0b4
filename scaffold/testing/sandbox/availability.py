# SPDX-License-Identifier: BSD-2-Clause
"""Check that this machine can create sandboxes."""

import os
import shutil
import tempfile
from pathlib import Path

from scaffold.errors import SandboxError
from scaffold.testing.sandbox.bubblewrap import Sandbox
from scaffold.testing.sandbox.group import delegate_container_cgroup, find_cgroup_parents, remove_stale_cgroups
from scaffold.testing.sandbox.limits import Limits

PROGRAMS = {"bwrap": "bubblewrap", "setpriv": "util-linux", "prlimit": "util-linux"}  # and their packages
SECONDS = 30.0
# The usual cause of missing permissions, for root and for other users.
PRIVILEGED_HINT = "in a container, start it with --privileged"
USER_HINT = "run the command as root; on Ubuntu this helps too: sysctl kernel.apparmor_restrict_unprivileged_userns=0"


def base_sandbox(limits: Limits, allow_unlimited_memory: bool) -> Sandbox:
    """Return a sandbox without the toolchain of a framework, after a command ran in it successfully.

    Raises:
        SandboxError: this machine cannot create a sandbox, or cannot limit its memory and that is not allowed.
    """
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            raise SandboxError(
                f"{program} is missing", hint=f"apt-get install {package}; other distributions use the same name"
            )
    cgroups = find_cgroup_parents() or delegate_container_cgroup()
    if cgroups:
        remove_stale_cgroups(cgroups)
    elif not allow_unlimited_memory:
        is_root = os.geteuid() == 0
        fix = PRIVILEGED_HINT if is_root else "run the command as root or by `systemd-run --user --scope --quiet`"
        raise SandboxError(
            "cannot limit the memory of builds: this user cannot create control groups",
            hint=f"{fix}, or add --allow-unlimited-memory",
        )
    sandbox = Sandbox(limits, cgroups)
    _reject_failure(sandbox)
    return sandbox


def _reject_failure(sandbox: Sandbox) -> None:
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as directory:
        result = sandbox.run(["true"], Path(directory), SECONDS)
    if result.status == 0:
        return
    output = result.output.decode(errors="replace").strip() or f"bwrap did not end within {SECONDS:g} s"
    hint = PRIVILEGED_HINT if os.geteuid() == 0 else USER_HINT
    if "Unknown option" in output:
        hint = "install bubblewrap 0.7 or newer"
    raise SandboxError(f"cannot create a sandbox: {output.splitlines()[-1]}", hint=hint)
