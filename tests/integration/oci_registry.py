# SPDX-License-Identifier: BSD-2-Clause
"""A container registry with TLS on localhost, as `ecli push` and `ecli pull` require."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scaffold.vmtest import processes
from scaffold.vmtest.cache import cache_root

START_SECONDS = 20
# Port 0: the kernel chooses a free port, and the log contains its number.
CONFIGURATION = """\
version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: {directory}/images}}}}
http: {{addr: "127.0.0.1:0", tls: {{certificate: {directory}/certificate.pem, key: {directory}/key.pem}}}}
"""


@dataclass(frozen=True)
class Registry:
    """A running registry: `host` is the prefix of its image names, `authority` the certificate that signed its own."""

    host: str
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment in which ecli trusts this registry and does not find the user's credentials."""
        return {**os.environ, "SSL_CERT_FILE": str(self.authority), "HOME": str(self.authority.parent)}


@contextmanager
def running_registry(directory: Path) -> Iterator[Registry]:
    """Run an empty registry with its files in `directory` until the block ends."""
    _make_certificate(directory)
    configuration, log = directory / "registry.yml", directory / "registry.log"
    configuration.write_text(CONFIGURATION.format(directory=directory))
    with (
        log.open("w") as output,
        processes.start(
            [str(_program()), "serve", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as server,
    ):
        try:
            yield Registry(f"localhost:{_port(server, log)}", directory / "certificate.pem")
        finally:
            server.terminate()


def _program() -> str:
    """Return Debian's docker-registry, from PATH or from the directory of tools/setup.sh."""
    unpacked = cache_root() / "toolchains" / "docker-registry" / "usr" / "bin"
    program = shutil.which("docker-registry", path=f"{os.environ['PATH']}{os.pathsep}{unpacked}")
    assert program, "docker-registry is missing: run tools/setup.sh develop"
    return program


def _make_certificate(directory: Path) -> None:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", "key.pem"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-days", "1", *key, *names, "-out", "certificate.pem"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if match := re.search(r"listening on 127\.0\.0\.1:(\d+), tls", log.read_text()):
            return int(match[1])
        time.sleep(0.05)
    raise AssertionError(f"docker-registry did not start:\n{log.read_text()}")
