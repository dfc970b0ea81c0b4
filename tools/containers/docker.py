#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The `docker` command of the tests: podman, with a separate image store that contains the base images (setup.sh).

Builds and runs get the settings with which this machine reaches its archives. During them this process answers as
https://github.com and serves the releases of eunomia-bpf, which release.sh built from the published crates.
"""

import http.server
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "ebpf-new", "containers")
RELEASES = HOME / "releases"
MOUNTS = {
    HOME / "apt.conf": "/etc/apt/apt.conf.d/99machine",
    HOME / "authorities": "/usr/local/share/ca-certificates",
}
# podman before version 5 does not know this variable.
BUILD_PLATFORM = re.compile(r"--platform=\$BUILDPLATFORM")


def main() -> int:
    """Run podman with the arguments of docker, and return its exit status."""
    if os.geteuid():
        os.execvp("sudo", ["sudo", "--preserve-env", *sys.argv])
    os.environ |= {
        "CONTAINERS_CONF": str(HOME / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(HOME / "storage.conf"),
    }
    command, arguments = (sys.argv[1:2] or ["help"])[0], sys.argv[2:]
    if command == "--version":
        # The Makefiles call podman differently. The tests check the calls of docker, which most users have.
        print("Docker version 28.0.0, build ebpf-new")
        return 0
    with ExitStack() as stack:
        if command == "build":
            arguments = stack.enter_context(_with_platforms(arguments))
            arguments = ["--pull=never", "--layers", *arguments]
        if command in ("build", "run"):
            address = stack.enter_context(_releases())
            mounts = [f"--volume={source}:{target}:ro" for source, target in MOUNTS.items()]
            arguments = ["--network=host", f"--add-host=github.com:{address}", *mounts, *arguments]
        return _run(["podman", command, *arguments])


def _run(command: list[str]) -> int:
    """Run the command, forward signals to it, and return its exit status."""
    with subprocess.Popen(command) as process:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda signum, _: process.send_signal(signum))
        status = process.wait()
    return status if status >= 0 else 128 - status


@contextmanager
def _with_platforms(arguments: list[str]) -> Iterator[list[str]]:
    """Yield the arguments of a build, with a copy of the Dockerfile that names the platform of this machine."""
    file_options = [argument for argument in arguments if argument in ("-f", "--file")]
    at = arguments.index(file_options[0]) if file_options else -1
    source = Path(arguments[at + 1]) if file_options else Path(arguments[-1], "Dockerfile")
    rest = arguments[:at] + arguments[at + 2 :] if file_options else arguments
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    with tempfile.NamedTemporaryFile("w", prefix="Dockerfile-") as file:
        file.write(BUILD_PLATFORM.sub(f"--platform=linux/{machine}", source.read_text()))
        file.flush()
        yield ["--file", file.name, *rest]


@contextmanager
def _releases() -> Iterator[str]:
    """Serve the releases like github.com on a loopback address, and yield the address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HOME / "certificate.pem", HOME / "key.pem")
    address = f"127.1.{os.getpid() // 256 % 256}.{os.getpid() % 256}"
    with http.server.ThreadingHTTPServer((address, 443), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield address
        finally:
            server.shutdown()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves each file of RELEASES under the path of every release of eunomia-bpf."""

    def translate_path(self, path: str) -> str:
        """Return the file for a path of github.com, or a path that does not exist."""
        match = re.fullmatch(r"/eunomia-bpf/eunomia-bpf/releases/download/v[\d.]+/([a-z0-9_-]+)", path)
        return str(RELEASES / (match[1] if match else "none"))

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing: the client reports errors."""


if __name__ == "__main__":
    sys.exit(main())
