# SPDX-License-Identifier: BSD-2-Clause
"""One QEMU process: its command line, its console and its control socket (QMP).

Sources: qemu-system-x86_64(1), qemu-system-aarch64(1) and QEMU's QMP reference manual.
"""

import json
import os
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from . import processes
from .architecture import Architecture
from .errors import InfrastructureError

# A console with more output than this must not fill the memory of this machine.
MAX_CONSOLE_BYTES = 8 << 20
COPY_BLOCK_BYTES = 16 << 10
MIN_SOCKET_TIMEOUT_SECONDS = 0.1


class Accelerator(StrEnum):
    """How QEMU runs a guest's instructions, as its option -accel names it."""

    KVM = "kvm"
    TCG = "tcg"  # emulation


@dataclass(frozen=True)
class MachineConfig:
    """The machine that a guest sees. A snapshot can only be restored on the machine that it was saved on."""

    architecture: Architecture
    accelerator: str
    memory: int  # MiB

    def arguments(self) -> list[str]:
        """Return QEMU's arguments for this machine, without drives and ports."""
        cpu = "host" if self.accelerator == Accelerator.KVM else self.architecture.emulated_cpu
        return [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *self.architecture.machine_arguments,
            "-accel", self.accelerator, "-cpu", cpu, "-smp", "1", "-m", f"{self.memory}M",
        ]  # fmt: skip


def find_qemu(architecture: Architecture) -> str:
    """Return the path of QEMU for guests of `architecture`.

    Raises:
        InfrastructureError: QEMU is not installed.
    """
    path = shutil.which(architecture.qemu)
    if path is None:
        raise InfrastructureError(
            f"{architecture.qemu} is not installed", hint=f"try `apt-get install {architecture.qemu_package}`"
        )
    return path


def create_memfd(name: str, content: bytes, size: int = 0) -> int:
    """Return the descriptor of a file in memory with `content`, extended with zeros to `size` bytes."""
    descriptor = os.memfd_create(name)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    if size:
        os.ftruncate(descriptor, size)
    return descriptor


def copy_sparse(source: int, target: Path) -> None:
    """Copy the open file `source` to `target`. Blocks of zeros become holes, which take no disk space.

    Raises:
        OSError: `target` cannot be written.
    """
    size = os.fstat(source).st_size
    zeros = bytes(COPY_BLOCK_BYTES)
    with target.open("wb") as copy:
        copy.truncate(size)
        for start in range(0, size, COPY_BLOCK_BYTES):
            block = os.pread(source, COPY_BLOCK_BYTES, start)
            if block != zeros:
                os.pwrite(copy.fileno(), block, start)


class QemuMachine:
    """A running QEMU. Use it as a context manager: QEMU ends with the block.

    If this process is killed, the kernel ends QEMU too.
    """

    def __init__(self, qemu: str, arguments: Sequence[str], files: Sequence[int] = ()) -> None:
        """Start the program `qemu` with `arguments`, which may name the open `files` as /proc/self/fd/N."""
        self._console, console = socket.socketpair()
        self._qmp, qmp = socket.socketpair()
        self._received = bytearray()
        ports = []
        for name, port in (("console", console), ("qmp", qmp)):
            ports += ["-chardev", f"socket,id={name},fd={port.fileno()}"]
        ports += ["-serial", "chardev:console", "-mon", "chardev=qmp,mode=control"]
        try:
            self.process = processes.start(
                [qemu, *arguments, *ports],
                pass_fds=(console.fileno(), qmp.fileno(), *files),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        finally:
            console.close()
            qmp.close()
        self._replies = self._qmp.makefile("rb")

    def __enter__(self) -> "QemuMachine":
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
        """Read the console until it contains one of `marks`, and return that mark.

        `deadline` is a time of time.monotonic(). None: the deadline has passed, QEMU has ended (not `is_running`), or
        the console has more than MAX_CONSOLE_BYTES (`is_flooded`). `output` keeps everything that was read.
        """
        searched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._console, selectors.EVENT_READ)
            while True:
                for mark in marks:
                    if mark in self._received[max(0, searched - len(mark)) :]:
                        return mark
                searched = len(self._received)
                if self.is_flooded or not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                chunk = self._console.recv(65536)
                if not chunk:
                    self.process.wait()
                    return None
                self._received += chunk

    @property
    def output(self) -> bytes:
        """Everything that was read from the console."""
        return bytes(self._received)

    @property
    def is_flooded(self) -> bool:
        """Whether more than MAX_CONSOLE_BYTES were read from the console."""
        return len(self._received) > MAX_CONSOLE_BYTES

    @property
    def is_running(self) -> bool:
        """Whether QEMU is running."""
        return self.process.poll() is None

    def send_line(self, line: str) -> None:
        """Type a line on the guest's console."""
        self._console.sendall(line.encode() + b"\n")

    def read_stderr(self) -> str:
        """Return what QEMU printed to its standard error, in one line. QEMU must have ended."""
        text = self.process.stderr.read() if self.process.stderr else b""
        return "; ".join(text.decode(errors="replace").split("\n")).strip("; ")

    def execute(self, command: str, deadline: float, **arguments: object) -> dict[str, object]:
        """Send one QMP command and return its reply.

        Raises:
            InfrastructureError: QEMU rejected the command, ended, or did not reply by the deadline.
        """
        self._set_deadline(deadline)
        try:
            self._qmp.sendall(_qmp_request(command, arguments))
            while line := self._replies.readline():
                message = json.loads(line)
                if "error" in message:
                    raise InfrastructureError(f"QEMU rejected the command {command}: {message['error']['desc']}")
                if "return" in message:
                    return dict(message["return"])
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            raise InfrastructureError(f"QEMU did not reply to the command {command}") from None
        raise InfrastructureError(f"QEMU ended: {self.read_stderr()}")

    def save_state(self, path: Path, deadline: float) -> None:
        """Stop the guest and write the state of its devices and processor to `path`, without its memory.

        Raises:
            InfrastructureError: the state cannot be written, for example to a full disk.
        """
        with path.open("wb") as state:
            self._prepare_migration(deadline)
            self.execute("migrate-set-parameters", deadline, **{"max-bandwidth": 1 << 40})
            self.execute("stop", deadline)
            self._send_descriptor("state", state.fileno(), deadline)
            self.execute("migrate", deadline, uri="fd:state")
            while True:
                status = self.execute("query-migrate", deadline).get("status")
                if status == "completed":
                    break
                if status in ("failed", "cancelled"):
                    raise InfrastructureError(f"cannot save the state of the guest to {path}")
                time.sleep(0.01)

    def restore_state(self, state: int, deadline: float) -> None:
        """Load the state in the open file `state` into a guest that was started with `-incoming defer`; run it.

        Raises:
            InfrastructureError: QEMU could not load the state.
        """
        self._prepare_migration(deadline)
        self.execute("migrate-incoming", deadline, uri=f"fd:{state}")
        while self.execute("query-status", deadline).get("status") == "inmigrate":
            time.sleep(0.005)
        self.execute("cont", deadline)

    def _prepare_migration(self, deadline: float) -> None:
        """Begin the QMP session and exclude shared memory from the migration, which both ends must agree on."""
        self.execute("qmp_capabilities", deadline)
        capability = {"capability": "x-ignore-shared", "state": True}
        self.execute("migrate-set-capabilities", deadline, capabilities=[capability])

    def _send_descriptor(self, name: str, descriptor: int, deadline: float) -> None:
        self._set_deadline(deadline)
        socket.send_fds(self._qmp, [_qmp_request("getfd", {"fdname": name})], [descriptor])
        while b"return" not in self._replies.readline():
            pass

    def _set_deadline(self, deadline: float) -> None:
        self._qmp.settimeout(max(MIN_SOCKET_TIMEOUT_SECONDS, deadline - time.monotonic()))


def _qmp_request(command: str, arguments: Mapping[str, object]) -> bytes:
    return json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
