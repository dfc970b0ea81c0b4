# SPDX-License-Identifier: BSD-2-Clause
"""Run the workflows of a repository on this machine with act.

tests/integration/actions replaces the actions and the command that use GitHub, and tools/containers replaces docker.
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
    """The result of one run of a workflow: act's exit status, whether each job succeeded, and the complete output."""

    status: int
    jobs: dict[str, bool]  # by name
    log: str


def run_workflow(repository: Path, workflow: str, artifacts: Path, *options: str, event: str = "{}") -> WorkflowRun:
    """Run `.github/workflows/<workflow>` of the repository. Each job gets a clean clone.

    Uploads are written to `artifacts`, in one directory for each artifact name. `event` is the push event in JSON.
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
        re.sub(r"-\d+$", "", name.strip()): result == "succeeded"
        for name, result in re.findall(r"^\[[^/\]]+/([^\]]+)\] .*Job (succeeded|failed)$", done.stdout, re.MULTILINE)
    }
    return WorkflowRun(done.returncode, jobs, done.stdout)
