# SPDX-License-Identifier: BSD-2-Clause
"""One QEMU process: its command line, its console, and its control socket (QMP).

Sources: QEMU's qemu-system-x86_64(1), qemu-system-aarch64(1) and its QMP reference manual.
"""

import json
import os
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .architecture import Architecture
from .errors import InfrastructureError


def qemu_program(architecture: Architecture) -> str:
    """Return the path of QEMU for guests of `architecture`.

    Raises:
        InfrastructureError: it is not installed.
    """
    path = shutil.which(architecture.qemu)
    if path is None:
        raise InfrastructureError(f"{architecture.qemu} is not installed: try `apt-get install {architecture.package}`")
    return path


@dataclass(frozen=True)
class Hardware:
    """The machine that a guest sees. A saved guest fits only the hardware that it was saved on."""

    architecture: Architecture
    accel: str
    memory: int  # MiB

    def arguments(self) -> list[str]:
        """Return QEMU's arguments for this machine, drives and ports apart."""
        cpu = "host" if self.accel == "kvm" else self.architecture.processor
        return [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *self.architecture.board,
            "-accel", self.accel, "-cpu", cpu, "-smp", "1", "-m", f"{self.memory}M",
        ]  # fmt: skip


def memory_file(name: str, content: bytes, size: int = 0) -> int:
    """Return a descriptor of a file that exists in memory only, `size` bytes long or as its content."""
    descriptor = os.memfd_create(name)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    if size:
        os.ftruncate(descriptor, size)
    return descriptor


ZEROS = bytes(16 << 10)


def copy_memory(memory: int, path: Path) -> None:
    """Write what the open file `memory` holds to `path`, in which what is zero takes no place.

    Raises:
        OSError: it cannot be written.
    """
    size = os.fstat(memory).st_size
    with path.open("wb") as copy:
        copy.truncate(size)
        for start in range(0, size, len(ZEROS)):
            part = os.pread(memory, len(ZEROS), start)
            if part != ZEROS:
                os.pwrite(copy.fileno(), part, start)


# No program has so much to say; what has no end must not fill this machine's memory.
CONSOLE_BYTES = 8 << 20


class Machine:
    """A running QEMU. Use it as a context manager: QEMU ends with the block, however that ends.

    If this process is killed outright, the kernel ends QEMU too.
    """

    def __init__(self, program: str, arguments: Sequence[str], files: Sequence[int] = ()) -> None:
        """Start QEMU, which is `program`, with `arguments`; they may name the open `files` as /proc/self/fd/N."""
        self._console, console = socket.socketpair()
        self._qmp, qmp = socket.socketpair()
        self._received = bytearray()
        ports = []
        for name, port in (("console", console), ("qmp", qmp)):
            ports += ["-chardev", f"socket,id={name},fd={port.fileno()}"]
        ports += ["-serial", "chardev:console", "-mon", "chardev=qmp,mode=control"]
        try:
            self.process = processes.start(
                [program, *arguments, *ports],
                pass_fds=(console.fileno(), qmp.fileno(), *files),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        finally:
            console.close()
            qmp.close()
        self._replies = self._qmp.makefile("rb")

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        self._replies.close()
        self._console.close()
        self._qmp.close()

    def read_until(self, marks: Sequence[bytes], deadline: float) -> bytes | None:
        """Read the console until one of `marks` stands in it, and return that mark.

        `deadline` is on time.monotonic's clock. None: the deadline passed, QEMU ended, or the console was
        flooded (`alive` and `flooded` tell which). Everything read is kept in `output`.
        """
        searched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._console, selectors.EVENT_READ)
            while True:
                for mark in marks:
                    if mark in self._received[max(0, searched - len(mark)) :]:
                        return mark
                searched = len(self._received)
                if self.flooded or not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                chunk = self._console.recv(65536)
                if not chunk:
                    self.process.wait()
                    return None
                self._received += chunk

    @property
    def output(self) -> bytes:
        """Return all that was read from the console."""
        return bytes(self._received)

    @property
    def flooded(self) -> bool:
        """Say whether the console got more than a run can have to say."""
        return len(self._received) > CONSOLE_BYTES

    @property
    def alive(self) -> bool:
        """Say whether QEMU still runs."""
        return self.process.poll() is None

    def send_line(self, line: str) -> None:
        """Type a line on the guest's console."""
        self._console.sendall(line.encode() + b"\n")

    def complaint(self) -> str:
        """Return what QEMU itself wrote to its standard error, in one line. QEMU must have ended."""
        text = self.process.stderr.read() if self.process.stderr else b""
        return "; ".join(text.decode(errors="replace").split("\n")).strip("; ")

    def command(self, name: str, deadline: float, **arguments: object) -> dict[str, object]:
        """Send one QMP command and return its reply.

        Raises:
            InfrastructureError: QEMU refused it, ended, or did not answer by the deadline.
        """
        self._qmp.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            self._qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            while line := self._replies.readline():
                message = json.loads(line)
                if "error" in message:
                    raise InfrastructureError(f"QEMU refused {name}: {message['error']['desc']}")
                if "return" in message:
                    return dict(message["return"])
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            raise InfrastructureError(f"QEMU did not answer to {name}") from None
        raise InfrastructureError(f"QEMU ended: {self.complaint()}")

    def save(self, path: Path, deadline: float) -> None:
        """Stop the guest and write its state to `path`, all but its memory.

        Raises:
            InfrastructureError: the state could not be written (a full disk, for one).
        """
        with path.open("wb") as state:
            self._begin_migration(deadline)
            self.command("migrate-set-parameters", deadline, **{"max-bandwidth": 1 << 40})
            self.command("stop", deadline)
            self._send_descriptor(state.fileno(), deadline)
            self.command("migrate", deadline, uri="fd:state")
            while True:
                status = self.command("query-migrate", deadline).get("status")
                if status == "completed":
                    break
                if status in ("failed", "cancelled"):
                    raise InfrastructureError(f"the guest's state could not be saved to {path}")
                time.sleep(0.01)

    def _begin_migration(self, deadline: float) -> None:
        """Open the dialogue, and agree that memory which is a file of its own is left out, at both ends."""
        self.command("qmp_capabilities", deadline)
        capability = {"capability": "x-ignore-shared", "state": True}
        self.command("migrate-set-capabilities", deadline, capabilities=[capability])

    def resume(self, state: int, deadline: float) -> None:
        """Let a guest that was started without a state go on from the one in the open file `state`.

        Raises:
            InfrastructureError: QEMU could not load the state.
        """
        self._begin_migration(deadline)
        self.command("migrate-incoming", deadline, uri=f"fd:{state}")
        while self.command("query-status", deadline).get("status") == "inmigrate":
            time.sleep(0.005)
        self.command("cont", deadline)

    def _send_descriptor(self, descriptor: int, deadline: float) -> None:
        self._qmp.settimeout(max(0.1, deadline - time.monotonic()))
        request = {"execute": "getfd", "arguments": {"fdname": "state"}}
        socket.send_fds(self._qmp, [json.dumps(request).encode() + b"\n"], [descriptor])
        while b"return" not in self._replies.readline():
            pass
