#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The docker of the tests: podman, with a store of its own and the base images in it (setup.sh).

Builds and runs get the settings by which this machine reaches its archives, and while they last
https://github.com is this process, which has eunomia-bpf's releases, made from their published crates.
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
# What podman before version 5 does not know of.
BUILD_PLATFORM = re.compile(r"--platform=\$BUILDPLATFORM")


def main() -> int:
    """Do what docker would do with these arguments, and return its exit status."""
    if os.geteuid():
        os.execvp("sudo", ["sudo", "--preserve-env", *sys.argv])
    os.environ |= {
        "CONTAINERS_CONF": str(HOME / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(HOME / "storage.conf"),
    }
    command, arguments = (sys.argv[1:2] or ["help"])[0], sys.argv[2:]
    if command == "--version":
        # The Makefiles call podman in another way than docker: the way to test is that of most users.
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
    """Run the command, which gets the signals that this process gets, and return its exit status."""
    with subprocess.Popen(command) as process:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda signum, _: process.send_signal(signum))
        status = process.wait()
    return status if status >= 0 else 128 - status


@contextmanager
def _with_platforms(arguments: list[str]) -> Iterator[list[str]]:
    """Give the arguments of a build, with a Dockerfile that names the platform of this machine."""
    names = [argument for argument in arguments if argument in ("-f", "--file")]
    at = arguments.index(names[0]) if names else -1
    source = Path(arguments[at + 1]) if names else Path(arguments[-1], "Dockerfile")
    rest = arguments[:at] + arguments[at + 2 :] if names else arguments
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    with tempfile.NamedTemporaryFile("w", prefix="Dockerfile-") as file:
        file.write(BUILD_PLATFORM.sub(f"--platform=linux/{machine}", source.read_text()))
        file.flush()
        yield ["--file", file.name, *rest]


@contextmanager
def _releases() -> Iterator[str]:
    """Serve the releases as github.com does, on an address of this machine alone, and give the address."""
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
    """Serves each file of RELEASES under the path of any of eunomia-bpf's releases."""

    def translate_path(self, path: str) -> str:
        """Return the file for a path of github.com, or one that is not there."""
        match = re.fullmatch(r"/eunomia-bpf/eunomia-bpf/releases/download/v[\d.]+/([a-z0-9_-]+)", path)
        return str(RELEASES / (match[1] if match else "none"))

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the client does."""


if __name__ == "__main__":
    sys.exit(main())
