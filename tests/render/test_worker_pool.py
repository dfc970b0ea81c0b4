# SPDX-License-Identifier: BSD-2-Clause
"""Worker processes end even if their parent is killed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.processes import processes_of
from tests.unit.testing.test_pool import wait_until

PARENT = """
import sys
from pathlib import Path
from scaffold.testing.pool import WorkerPool
from tests.unit.testing.test_pool import LongWork
with WorkerPool(LongWork(Path(sys.argv[1]))) as workers:
    workers.submit("a")
    while True:
        workers.wait(1)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "WORKERS_TEST": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], env=environment) as parent:
        wait_until(lambda: list(tmp_path.iterdir()) != [])
        assert len(processes_of(str(tmp_path))) == 2
        parent.kill()
    wait_until(lambda: processes_of(str(tmp_path)) == [])
