# SPDX-License-Identifier: BSD-2-Clause
"""Whether this machine can make sandboxes, and what to do when it cannot."""

import os
import shutil
import tempfile
from pathlib import Path

from scaffold.errors import SandboxError
from scaffold.testing.sandbox.bubblewrap import Sandbox
from scaffold.testing.sandbox.group import delegate_container_cgroup, find_cgroup_parents, remove_stale_groups
from scaffold.testing.sandbox.limits import Limits

SECONDS = 30.0
# What mostly is the reason where bubblewrap is refused what it needs.
HINT_FOR_ROOT = "a container must be started with --privileged"
HINT_FOR_USERS = "call it as root; on Ubuntu, sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 helps too"


def bare_sandbox(limits: Limits, allow_unlimited_memory: bool) -> Sandbox:
    """Return a sandbox that has nothing but the programs of this machine, and works.

    Raises:
        SandboxError: it does not, or nothing bounds its memory and that is not allowed.
    """
    for program, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("prlimit", "util-linux")):
        if not shutil.which(program):
            raise SandboxError(
                f"{program} is missing: type apt-get install {package} (elsewhere it is called the same)"
            )
    places = find_cgroup_parents() or delegate_container_cgroup()
    if places:
        remove_stale_groups(places)
    elif not allow_unlimited_memory:
        again = "as root" if os.geteuid() == 0 else "as root, or by systemd-run --user --scope --quiet ebpf-new ..."
        raise SandboxError(
            "you can make no control group here, so that nothing would bound the memory of a build: call it"
            f" {again}, or add --allow-unlimited-memory"
        )
    box = Sandbox(limits, places)
    with tempfile.TemporaryDirectory(prefix="ebpf-new-") as place:
        tried = box.ask(["true"], Path(place), SECONDS)
    if tried.status != 0:
        said = tried.output.decode(errors="replace").strip() or "it did not end"
        hint = HINT_FOR_ROOT if os.geteuid() == 0 else HINT_FOR_USERS
        if "Unknown option" in said:
            hint = "bubblewrap 0.7 or newer is needed"
        raise SandboxError(f"no sandbox can be made here: {said.splitlines()[-1]} ({hint})")
    return box
