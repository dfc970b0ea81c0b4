# SPDX-License-Identifier: BSD-2-Clause
"""Kernels from the archive are complete, or they are not in the cache."""

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


def start_fetch(spec: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, spec],
        env={**os.environ, "PYTHONPATH": str(SCAFFOLD), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_processes_fetch_a_kernel_once(empty_cache: dict[str, str]) -> None:
    runs = [start_fetch("distro", empty_cache) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert kernels_in(empty_cache) == [outputs[0][0].strip()]


@pytest.mark.parametrize("moment", [1.0, 2.0, 3.0])
def test_a_killed_fetch_leaves_no_damaged_kernel(empty_cache: dict[str, str], moment: float) -> None:
    process = start_fetch("6.1", empty_cache)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in kernels_in(empty_cache):
        (description,) = Path(empty_cache["XDG_CACHE_HOME"]).glob(f"ebpf-new/kernels/*/{name}/kernel.json")
        assert load_entry(description.parent).image.exists()
    second = start_fetch("6.1", empty_cache)
    stdout, stderr = second.communicate(timeout=300)
    assert second.returncode == 0, stderr
    assert kernels_in(empty_cache) == [stdout.strip()]
    assert not list(Path(empty_cache["XDG_CACHE_HOME"]).glob("ebpf-new/kernels/*/.*"))


@dataclass(frozen=True)
class Response:
    """The response of a proxy: `length` is the number of bytes that it announces."""

    status: int
    body: bytes
    length: int


Change = Callable[[str, Response], Response]  # takes the path of a request and the response of the archive


def damaged(path: str, response: Response) -> Response:
    """Change a byte in each package."""
    body = bytearray(response.body)
    if path.endswith(".deb"):
        body[len(body) // 2] ^= 0xFF
    return replace(response, body=bytes(body))


def truncated(path: str, response: Response) -> Response:
    """Cut each package in half."""
    return replace(response, body=response.body[: len(response.body) // 2]) if path.endswith(".deb") else response


class OutdatedLists:
    """Have no package until the lists are requested; `requested` are the names of the requested files."""

    def __init__(self) -> None:
        self.requested: list[str] = []

    def __call__(self, path: str, response: Response) -> Response:
        self.requested.append(path.rpartition("/")[2])
        missing = path.endswith(".deb") and "InRelease" not in self.requested
        return Response(404, b"", 0) if missing else response


def without(suite: str) -> Change:
    """Return a change: the archive does not have `suite`."""
    return lambda path, response: Response(503, b"", 0) if f"/dists/{suite}/" in path else response


class Proxy(ThreadingHTTPServer):
    """A proxy that applies `change` to each response."""

    def __init__(self, change: Change) -> None:
        super().__init__(("127.0.0.1", 0), ProxyRequestHandler)
        self.change = change


class ProxyRequestHandler(BaseHTTPRequestHandler):
    """One connection to the proxy."""

    server: Proxy

    def do_GET(self) -> None:
        headers = {key: value for key, value in self.headers.items() if key in ("If-Modified-Since", "Range")}
        request = urllib.request.Request(self.path, headers=headers)
        try:
            response = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
        except urllib.error.HTTPError as error:
            response = error
        body = response.read()
        changed = self.server.change(self.path, Response(response.status or 500, body, len(body)))
        self.send_response(changed.status)
        for key, value in response.headers.items():
            if key in ("Last-Modified", "Content-Type", "Content-Range"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(changed.length))
        self.end_headers()
        self.wfile.write(changed.body)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def proxy(change: Change) -> Iterator[str]:
    """Run a proxy with `change` during the block, and yield its address."""
    server = Proxy(change)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def apt_through(proxy: str, directory: Path) -> dict[str, str]:
    """Return an environment in which apt uses the configuration of this machine and the proxy."""
    parts = directory / "apt.conf.d"
    shutil.copytree("/etc/apt/apt.conf.d", parts)
    (parts / "zz-proxy").write_text(f'Acquire::http::Proxy "{proxy}"; Acquire::https::Proxy "{proxy}";\n')
    (directory / "apt.conf").write_text(f'Dir::Etc::parts "{parts}";\n')
    return {"APT_CONFIG": str(directory / "apt.conf")}


@pytest.mark.parametrize(
    ("change", "reason"), [(damaged, "Hash Sum mismatch"), (truncated, "Connection closed prematurely|unexpected size")]
)
def test_a_damaged_package_is_rejected(
    change: Change, reason: str, empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path
) -> None:
    with proxy(change) as address:
        environment = {**empty_cache, **apt_through(address, tmp_path)}
        run = run_vmtest(libbpf_project, "--kernel", "distro", environment=environment)
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69), run
    assert re.search(reason, run.verdicts[0]["reason"])
    assert kernels_in(environment) == []
    assert run_vmtest(libbpf_project, "--kernel", "distro", environment=empty_cache).status == 0


def test_an_unreachable_archive(empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    environment = {**empty_cache, **apt_through("http://127.0.0.1:9", tmp_path)}
    run = run_vmtest(libbpf_project, "--kernel", "distro", environment=environment)
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69), run
    assert "cannot download kernel distro" in run.verdicts[0]["reason"]


def test_suites_without_lists_of_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suites = configured_suites()
    (tmp_path / "lists").mkdir()
    (tmp_path / "apt.conf").write_text(f'Dir::State::lists "{tmp_path}/lists";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    assert configured_suites() == suites != []


def test_without_apt(empty_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    path = tmp_path / "path"
    path.mkdir()
    (path / "qemu-system-x86_64").symlink_to(shutil.which("qemu-system-x86_64") or "")
    run = run_vmtest(libbpf_project, "--kernel", "6.1", environment={**empty_cache, "PATH": str(path)})
    assert (run.verdicts[0]["verdict"], run.status) == ("error", 69)
    reason = run.verdicts[0]["reason"]
    assert "no apt" in reason
    for alternative in ("path of a kernel with --kernel", "--kernel host", "make in-container T=test"):
        assert alternative in reason


def test_a_cached_kernel_needs_no_archive(libbpf_project: Path, tmp_path: Path) -> None:
    assert run_vmtest(libbpf_project, "--kernel", "6.1").status == 0
    offline = apt_through("http://127.0.0.1:9", tmp_path)
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=offline).status == 0
