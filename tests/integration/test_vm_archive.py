# SPDX-License-Identifier: BSD-2-Clause
"""Kernels come from the machine's own archive whole, or not at all."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scaffold.vmtest.apt import configured_suites
from scaffold.vmtest.kernel_cache import load_entry
from tests.integration.vm_runs import SCAFFOLD, run_vmtest

FETCH = """
import sys
from vmtest.architecture import host_architecture
from vmtest.kernels import find_kernel
print(find_kernel(sys.argv[1], host_architecture()).release)
"""


@pytest.fixture
def empty_cache(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def kernels_in(environment: dict[str, str]) -> list[str]:
    store = Path(environment["XDG_CACHE_HOME"]) / "ebpf-new" / "kernels"
    return [path.name for path in store.glob("*/*") if not path.name.startswith(".")]


def fetching(spec: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, spec],
        env={**os.environ, "PYTHONPATH": str(SCAFFOLD), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_at_once_fetch_once(empty_cache: dict[str, str]) -> None:
    runs = [fetching("distro", empty_cache) for _ in range(2)]
    said = [process.communicate(timeout=300) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert kernels_in(empty_cache) == [said[0][0].strip()]


@pytest.mark.parametrize("moment", [1.0, 2.0, 3.0])
def test_a_killed_fetch_leaves_nothing_that_is_used(empty_cache: dict[str, str], moment: float) -> None:
    process = fetching("6.1", empty_cache)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in kernels_in(empty_cache):
        (about,) = Path(empty_cache["XDG_CACHE_HOME"]).glob(f"ebpf-new/kernels/*/{name}/kernel.json")
        assert load_entry(about.parent).image.exists()
    again = fetching("6.1", empty_cache)
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert kernels_in(empty_cache) == [out.strip()]
    assert not list(Path(empty_cache["XDG_CACHE_HOME"]).glob("ebpf-new/kernels/*/.*"))


@dataclass(frozen=True)
class Answer:
    """What a proxy says: `status`, the `body`, and how many bytes it claims that there are."""

    status: int
    body: bytes
    length: int


Fault = Callable[[str, Answer], Answer]  # takes the path that was asked for, and what the archive answered


def damaged(path: str, answer: Answer) -> Answer:
    """Change a byte in each package."""
    body = bytearray(answer.body)
    if path.endswith(".deb"):
        body[len(body) // 2] ^= 0xFF
    return replace(answer, body=bytes(body))


def truncated(path: str, answer: Answer) -> Answer:
    """End each package in its middle."""
    return replace(answer, body=answer.body[: len(answer.body) // 2]) if path.endswith(".deb") else answer


class MovedOn:
    """Have no package until somebody asks what there is; `asked` are the names that were asked for meanwhile."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, path: str, answer: Answer) -> Answer:
        self.asked.append(path.rpartition("/")[2])
        missing = path.endswith(".deb") and "InRelease" not in self.asked
        return Answer(404, b"", 0) if missing else answer


def without(suite: str) -> Fault:
    """Return a fault that has nothing of `suite`."""
    return lambda path, answer: Answer(503, b"", 0) if f"/dists/{suite}/" in path else answer


class Proxy(ThreadingHTTPServer):
    """A proxy that passes everything on, but for its `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(("127.0.0.1", 0), PassingOn)
        self.fault = fault


class PassingOn(BaseHTTPRequestHandler):
    """One connection to the proxy."""

    server: Proxy

    def do_GET(self) -> None:
        headers = {key: value for key, value in self.headers.items() if key in ("If-Modified-Since", "Range")}
        request = urllib.request.Request(self.path, headers=headers)
        try:
            answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        said = self.server.fault(self.path, Answer(answer.status or 500, body, len(body)))
        self.send_response(said.status)
        for key, value in answer.headers.items():
            if key in ("Last-Modified", "Content-Type", "Content-Range"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(said.length))
        self.end_headers()
        self.wfile.write(said.body)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def proxy(fault: Fault) -> Iterator[str]:
    """Run a proxy with `fault` during the block, and yield its address."""
    server = Proxy(fault)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def apt_through(proxy: str, directory: Path) -> dict[str, str]:
    """Return an environment in which apt has the machine's own configuration, and this proxy."""
    parts = directory / "apt.conf.d"
    shutil.copytree("/etc/apt/apt.conf.d", parts)
    (parts / "zz-proxy").write_text(f'Acquire::http::Proxy "{proxy}"; Acquire::https::Proxy "{proxy}";\n')
    (directory / "apt.conf").write_text(f'Dir::Etc::parts "{parts}";\n')
    return {"APT_CONFIG": str(directory / "apt.conf")}


@pytest.mark.parametrize(
    ("fault", "why"), [(damaged, "Hash Sum mismatch"), (truncated, "Connection closed prematurely|unexpected size")]
)
def test_a_damaged_package_is_refused(
    fault: Fault, why: str, empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path
) -> None:
    with proxy(fault) as address:
        environment = {**empty_cache, **apt_through(address, tmp_path)}
        run = run_vmtest(libbpf_project, "--kernel", "distro", environment=environment)
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69), run
    assert re.search(why, run.verdicts[0]["reason"])
    assert kernels_in(environment) == []
    assert run_vmtest(libbpf_project, "--kernel", "distro", environment=empty_cache).status == 0


def test_an_archive_out_of_reach(empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    environment = {**empty_cache, **apt_through("http://127.0.0.1:9", tmp_path)}
    run = run_vmtest(libbpf_project, "--kernel", "distro", environment=environment)
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69), run
    assert "cannot be fetched" in run.verdicts[0]["reason"]


def test_the_suites_are_known_where_apt_has_no_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suites = configured_suites()
    (tmp_path / "lists").mkdir()
    (tmp_path / "apt.conf").write_text(f'Dir::State::lists "{tmp_path}/lists";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    assert configured_suites() == suites != []


def test_no_apt(empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    path = tmp_path / "path"
    path.mkdir()
    (path / "qemu-system-x86_64").symlink_to(shutil.which("qemu-system-x86_64") or "")
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment={**empty_cache, "PATH": str(path)})
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69)
    reason = run.verdicts[0]["reason"]
    assert "no apt" in reason
    for way_out in ("path of a kernel with --kernel", "--kernel host", "make in-container T=test"):
        assert way_out in reason


def test_fetched_once_it_needs_no_archive(libbpf_project: Path, tmp_path: Path) -> None:
    assert run_vmtest(libbpf_project, "--kernel", "6.1").status == 0
    offline = apt_through("http://127.0.0.1:9", tmp_path)
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=offline).status == 0
