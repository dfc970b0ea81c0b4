# SPDX-License-Identifier: BSD-2-Clause
"""Workflows of a repository, run by act on this machine.

The actions and the command that talk to GitHub are those of tests/integration/actions; docker is that of
tools/containers.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.integration.containers import ENVIRONMENT

ACTIONS = Path(__file__).with_name("actions")
RUNNER = "ubuntu-24.04"


@dataclass(frozen=True)
class WorkflowRun:
    """What a run gave: act's exit status, the verdict of each job by its name, and all that was printed."""

    status: int
    jobs: dict[str, bool]
    log: str


def run_workflow(repository: Path, workflow: str, artifacts: Path, *options: str, event: str = "{}") -> WorkflowRun:
    """Run `.github/workflows/<workflow>` of the repository, whose clean clone each job gets.

    What the jobs upload comes to `artifacts`, in a directory for each name; `event` is the push, in JSON.
    """
    path = repository / ".github/workflows" / workflow
    settings = artifacts.parent / "act"
    settings.mkdir(exist_ok=True)
    (settings / "event.json").write_text(event)
    command = ["act", "push", "--workflows", str(path), "--eventpath", str(settings / "event.json")]
    command += ["--platform", f"{RUNNER}=-self-hosted", "--env", f"ARTIFACTS={artifacts}"]
    for name, version in set(re.findall(r"uses: ([\w.-]+/[\w.-]+)@(\w+)", path.read_text())):
        if (ACTIONS / name).is_dir():
            command += ["--local-repository", f"{name}@{version}={ACTIONS / name}"]
    done = subprocess.run(
        [*command, *options],
        cwd=repository,
        env={**ENVIRONMENT, "XDG_CONFIG_HOME": str(settings), "PATH": f"{ACTIONS / 'bin'}:{ENVIRONMENT['PATH']}"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    jobs = {
        re.sub(r"-\d+$", "", name.strip()): verdict == "succeeded"
        for name, verdict in re.findall(r"^\[[^/\]]+/([^\]]+)\] .*Job (succeeded|failed)$", done.stdout, re.MULTILINE)
    }
    return WorkflowRun(done.returncode, jobs, done.stdout)
