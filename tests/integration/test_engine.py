# SPDX-License-Identifier: BSD-2-Clause
"""Many projects on many kernels in one command, and failures of projects and of the machine meanwhile."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.engine import command, run_test
from tests.integration.processes import guests_of, processes_of
from tests.integration.vm_runs import read_lines

KERNELS = ("6.1", "6.12")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}  # for any working directory
VERDICTS = len(KERNELS) * 3


@pytest.fixture
def three(libbpf_project: Path, tmp_path: Path) -> list[Path]:
    """Return three copies of a built project: two unchanged, and one whose build fails."""
    copies = [Path(shutil.copytree(libbpf_project, tmp_path / name, symlinks=True)) for name in ("a", "b", "broken")]
    (copies[2] / "src/main.c").write_text("int main(void) { return no_such_thing; }\n")
    return copies


def test_projects_with_the_same_name_have_their_own_verdicts(three: list[Path]) -> None:
    run = run_test(*three, kernels=KERNELS, options=["--jobs", "3"])
    verdicts = {(Path(each["project"]).name, each["kernel"]): each["verdict"] for each in run.verdicts}
    expected = {"a": "pass", "b": "pass", "broken": "fail"}
    assert verdicts == {(name, kernel): verdict for name, verdict in expected.items() for kernel in KERNELS}
    assert (run.status, len(run.verdicts)) == (1, VERDICTS)


def test_fail_fast_starts_no_further_job(three: list[Path]) -> None:
    run = run_test(three[2], *three[:2], kernels=KERNELS, options=["--jobs", "1", "--fail-fast"])
    assert {Path(each["project"]).name for each in run.verdicts} == {"broken"}
    assert run.status == 1


def test_a_build_that_does_not_end_fails_alone(three: list[Path]) -> None:
    makefile = three[0] / "Makefile"
    makefile.write_text(makefile.read_text() + "\nbuild: ; sleep 600\n")
    manifest = three[0] / "test/vmtest.toml"
    manifest.write_text(manifest.read_text() + "\n[build]\nseconds = 2\n")
    run = run_test(*three[:2], kernels=["6.1"])
    verdicts = {Path(each["project"]).name: each for each in run.verdicts}
    assert (verdicts["a"]["verdict"], verdicts["b"]["verdict"]) == ("timeout", "pass")
    assert "within 2 s" in verdicts["a"]["reason"]


def test_a_program_that_floods_the_console_fails_alone(three: list[Path]) -> None:
    main = three[0] / "src/main.c"
    flood = 'FILE *console = fopen("/dev/console", "w"); for (;;) fputs("BPF triggered\\n", console);'
    main.write_text(main.read_text().replace("sigwait(&stop, &signal);", flood))
    manifest = three[0] / "test/vmtest.toml"
    manifest.write_text(manifest.read_text().replace("seconds = 30", "seconds = 8"))
    run = run_test(*three[:2], kernels=["6.1"])
    verdicts = {Path(each["project"]).name: each for each in run.verdicts}
    assert verdicts["b"]["verdict"] == "pass"
    assert verdicts["a"]["verdict"] in ("fail", "timeout")
    assert len(verdicts["a"]["console"]) <= 25


def test_the_console_log_of_a_failed_run_is_kept(three: list[Path], tmp_path: Path) -> None:
    (three[0] / "src/minimal.bpf.c").write_text("no C")
    main = three[1] / "src/main.c"
    main.write_text(main.read_text().replace('puts("Attached', 'return 3; puts("Attached'))
    run = run_test(*three[:2], kernels=["6.1"], options=["--logs", str(tmp_path / "logs")])
    logs = {Path(each["project"]).name: each["log"] for each in run.verdicts}
    assert logs["a"] == ""
    assert "early 3" in Path(logs["b"]).read_text()


def start(projects: list[Path], cache: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*projects, kernels=KERNELS, options=options),
        env={**os.environ, **cache}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("retries", [0, 1])
def test_a_killed_guest_fails_alone(retries: int, three: list[Path], fresh_guests: dict[str, str]) -> None:
    marker = fresh_guests["XDG_CACHE_HOME"]
    process = start(three[:2], fresh_guests, "--retry-infra", str(retries))
    while not (guests := guests_of(marker)):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(guests[0], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    kinds = [each["verdict"] for each in read_lines(out)]
    assert sorted(kinds) == (["pass"] * 4 if retries else ["error", "pass", "pass", "pass"]), out
    assert process.returncode == (0 if retries else 69)
    assert ("retrying" in err) == bool(retries)


def test_a_killed_worker_fails_alone(three: list[Path], fresh_guests: dict[str, str]) -> None:
    marker = fresh_guests["XDG_CACHE_HOME"]
    process = start(three[:2], fresh_guests)
    while not (guests := guests_of(marker)):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(parent_of(guests[0]), signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    verdicts = read_lines(out)
    assert sorted(each["verdict"] for each in verdicts) == ["error", "pass", "pass", "pass"], out
    assert any("SIGKILL" in each["reason"] for each in verdicts)


def parent_of(pid: int) -> int:
    """Return the pid of the parent of `pid`."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# Seconds after the start: the command loads; projects are built and guests boot; guests run and are restored.
DELAYS = [0.2, 1.5, 4.0]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_at_any_time_ends_all_processes(
    kill: signal.Signals, delay: float, three: list[Path], fresh_guests: dict[str, str]
) -> None:
    marker = fresh_guests["XDG_CACHE_HOME"]
    process = start(three, fresh_guests)
    time.sleep(delay * random.uniform(0.8, 1.2))
    process.send_signal(kill)
    out, err = process.communicate(timeout=30)
    deadline = time.monotonic() + 5
    while processes_of(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(marker) == []
    assert "Traceback" not in err
    complete = len(read_lines(out)) == VERDICTS
    assert process.returncode in ({1} if complete else {-kill, 128 + kill})
    again = run_test(*three[:2], kernels=KERNELS, variables=fresh_guests)
    assert [each["verdict"] for each in again.verdicts] == ["pass"] * 4, again
    assert list(Path(marker).glob("ebpf-new/guests/.*")) == []


def test_two_commands_in_parallel(three: list[Path], fresh_guests: dict[str, str]) -> None:
    both = [start(three[:2], fresh_guests) for _ in range(2)]
    outputs = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [len(read_lines(out)) for out, _ in outputs] == [4, 4]


def test_the_project_of_a_template_is_temporary(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run = run_test(kernels=["6.1"], options=["--template", "libbpf"], variables={"TMPDIR": str(temporary)})
    assert [(each["project"], each["framework"]) for each in run.verdicts] == [("libbpf", "libbpf")]
    assert (run.status, list(temporary.iterdir())) == (0, [])


def test_the_default_project_is_the_current_directory(three: list[Path], tmp_path: Path) -> None:
    done = subprocess.run(
        command(kernels=["6.1"]), cwd=three[0], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert [each["verdict"] for each in read_lines(done.stdout)] == ["pass"], done.stderr
    nowhere = subprocess.run(command(), cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert nowhere.returncode == 2 and "vmtest.toml" in nowhere.stderr
