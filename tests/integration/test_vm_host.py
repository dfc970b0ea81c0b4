# SPDX-License-Identifier: BSD-2-Clause
"""After an error on the host no files or processes remain, and the next run works."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.processes import guests_of
from tests.integration.vm_runs import SCAFFOLD, run_vmtest


def start_run(project: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vmtest", str(project), "--kernel", "6.1", "--json"],
        env={**os.environ, "PYTHONPATH": str(SCAFFOLD), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def saved_guests(environment: dict[str, str]) -> list[Path]:
    return list(Path(environment["XDG_CACHE_HOME"]).glob("ebpf-new/guests/*/state"))


def temporary_directories(environment: dict[str, str]) -> list[Path]:
    return list(Path(environment["XDG_CACHE_HOME"]).glob("ebpf-new/guests/.*"))


# Seconds after the start: Python starts, the guest boots, the snapshot is saved, the program runs.
MOMENTS = [(signal.SIGINT, 0.15), (signal.SIGTERM, 0.6), (signal.SIGINT, 2.5), (signal.SIGTERM, 4.0)]


@pytest.mark.parametrize(("kill", "moment"), [*MOMENTS, *((signal.SIGKILL, moment) for _, moment in MOMENTS)])
def test_a_run_that_is_interrupted(
    kill: signal.Signals, moment: float, libbpf_project: Path, fresh_guests: dict[str, str], tmp_path: Path
) -> None:
    process = start_run(libbpf_project, {**fresh_guests, "TMPDIR": str(tmp_path)})
    before = set(os.listdir(tmp_path))
    time.sleep(moment * random.uniform(0.8, 1.2))
    process.send_signal(kill)
    _, stderr = process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while guests_of(fresh_guests["XDG_CACHE_HOME"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert guests_of(fresh_guests["XDG_CACHE_HOME"]) == []
    assert "Traceback" not in stderr
    assert set(os.listdir(tmp_path)) == before
    if kill != signal.SIGKILL:
        assert temporary_directories(fresh_guests) == []
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment=fresh_guests)
    assert run.status == 0, run
    assert temporary_directories(fresh_guests) == []


def test_a_damaged_snapshot_is_replaced(libbpf_project: Path, fresh_guests: dict[str, str]) -> None:
    def run() -> dict[str, object]:
        return run_vmtest(libbpf_project, "--kernel", "6.1", environment=fresh_guests).verdicts[0]

    assert run()["verdict"] == "pass"
    (state,) = saved_guests(fresh_guests)
    memory = state.with_name("memory")
    size = memory.stat().st_size
    for file, damage, length in (
        (state, b"", 0),
        (state, state.read_bytes()[: 200 << 10], 200 << 10),
        (state, b"\0" * (1 << 20), 1 << 20),
        (memory, b"", 0),
        (memory, b"", size),
        (memory, memory.read_bytes()[: 20 << 20], 20 << 20),
    ):
        file.write_bytes(damage)
        os.truncate(file, length)
        verdict = run()
        assert (verdict["verdict"], verdict["warm"]) == ("pass", False)
    verdict = run()
    assert (verdict["verdict"], verdict["warm"]) == ("pass", True)


def test_parallel_runs_share_one_snapshot(libbpf_project: Path, fresh_guests: dict[str, str]) -> None:
    runs = [start_run(libbpf_project, fresh_guests) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in runs]
    assert [process.returncode for process in runs] == [0, 0, 0], outputs
    assert len(saved_guests(fresh_guests)) == 1
    assert sum('"warm": false' in stdout for stdout, _ in outputs) == 1


def test_a_full_disk_prevents_only_the_snapshot(libbpf_project: Path, fresh_guests: dict[str, str]) -> None:
    guests = Path(fresh_guests["XDG_CACHE_HOME"]) / "ebpf-new" / "guests"
    guests.mkdir()
    mount = f'mount -t tmpfs -o size=8m none "{guests}" && exec "$@"'
    prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh"]
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment=fresh_guests, prefix=prefix)
    assert run.verdicts[0]["verdict"] == "pass", run
    assert "warning: cannot save a snapshot" in run.stderr


def test_a_cache_that_is_not_writable(libbpf_project: Path, tmp_path: Path) -> None:
    (tmp_path / "ebpf-new").write_text("not a directory")
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69)
    assert str(tmp_path) in run.verdicts[0]["reason"]


def test_qemu_is_killed(libbpf_project: Path, fresh_guests: dict[str, str]) -> None:
    process = start_run(libbpf_project, fresh_guests)
    while not (guests := guests_of(fresh_guests["XDG_CACHE_HOME"])):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(guests[0], signal.SIGKILL)
    stdout, _ = process.communicate(timeout=20)
    assert process.returncode == 69, stdout
    assert "QEMU ended" in stdout
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=fresh_guests).status == 0
