# SPDX-License-Identifier: BSD-2-Clause
"""Runs in a VM against the bare boot of the same kernel, and against virtme-ng: whole processes.

What makes it fair: the bare boot has the very same machine as the runner's guest (its own MachineConfig:
memory, CPU model, accelerator), the kernel as Debian ships it, an uncompressed initramfs with
nothing but busybox, and does nothing but start a shell that powers off. A cold run finds the kernel
in its cache and nothing else; it boots, saves the guest and sees the program through both of its
runs. virtme-ng runs the same program on the newest full kernel of the release (it cannot boot the
cloud ones) with what is fastest here: 9p as the root, no output but the one line, one processor, the
runner's accelerator; and what it must do is less: start the program, trigger it once, find the
event, stop the program.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scaffold.vmtest import initramfs
from scaffold.vmtest.accel import choose_accelerator
from scaffold.vmtest.apt import Apt, configured_suites
from scaffold.vmtest.architecture import host_architecture
from scaffold.vmtest.cache import cache_root, new_directory
from scaffold.vmtest.kernel_cache import Kernel
from scaffold.vmtest.kernels import find_kernel
from scaffold.vmtest.qemu import MachineConfig, find_qemu
from scaffold.vmtest.snapshot import find_busybox
from tools.bench.measure import LIMIT, Row, in_turns, ratio, seconds_of

KERNELS = ("6.1", "6.12")
TIMES = 5
VIRTME_TIMES = 3
MEMORY = 256  # MiB, what the projects' manifests ask for
MEMORY_BAR = 150  # MB
SCRIPTS = Path(sys.executable).parent
# Prints the runner's own peak, which QEMU has no part in.
PEAK = """
import re, runpy, sys
try:
    runpy.run_module("vmtest", run_name="__main__")
except SystemExit as end:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
    sys.exit(end.code)
"""


def made_project(directory: Path) -> Path:
    """Make and build a project in `directory` and return where it is."""
    project = directory / "hello"
    seconds_of([SCRIPTS / "ebpf-new", project, "--framework", "libbpf", "--yes", "--no-git"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    seconds_of(["make", "-C", project], environment)
    return project


def measure_boots(directory: Path, project: Path, spec: str) -> list[Row]:
    """Return the rows of cold and warm runs on the kernel `spec`."""
    kernel = find_kernel(spec, host_architecture())
    boot = _bare_boot(kernel, directory)
    took = in_turns(
        {
            "cold": lambda: seconds_of(*_cold(project, spec, directory)),
            "bare": lambda: seconds_of(boot),
            "warm": lambda: seconds_of(*_runner(project, spec)),
        },
        TIMES,
    )
    return [
        ratio(f"cold run on {spec} / bare boot", took["cold"], took["bare"], 1.3),
        ratio(f"warm run on {spec} / bare boot", took["warm"], took["bare"], 0.3),
    ]


def measure_virtme(directory: Path, project: Path) -> list[Row]:
    """Return the row of a warm run against virtme-ng."""
    kernel = _full_kernel()
    took = in_turns(
        {
            "warm": lambda: seconds_of(*_runner(project, "distro")),
            "virtme-ng": _virtme(kernel, project, directory),
        },
        VIRTME_TIMES,
    )
    return [ratio("warm run / virtme-ng", took["warm"], took["virtme-ng"], 0.15)]


def measure_memory(directory: Path, project: Path) -> list[Row]:
    """Return the rows of the runner's own memory at its highest: where it has most to do, and where least."""
    image = find_kernel(KERNELS[-1], host_architecture()).image.with_name("vmlinuz")

    def peak(spec: str, cache: dict[str, str]) -> float:
        _, environment = _runner(project, spec)
        command = [sys.executable, "-c", PEAK, str(project), "--kernel", spec]
        done = subprocess.run(command, env={**environment, **cache}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the runner did not pass: {done.stdout}{done.stderr}")
        return int(done.stdout.split()[-1]) * 1024 / 1e6

    first = peak(str(image), {"XDG_CACHE_HOME": str(directory / "cache")})
    warm = peak(KERNELS[-1], {})
    return [
        Row("peak memory of the runner, first run", first, MEMORY_BAR, "takes a kernel out of its bzImage", " MB"),
        Row("peak memory of the runner, warm run", warm, MEMORY_BAR, "QEMU apart", " MB"),
    ]


def _runner(project: Path, spec: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment of the project's own runner.

    Python keeps its compiled modules, as it does unless told otherwise.
    """
    environment = {**os.environ, "PYTHONPATH": str(project / "test")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return [sys.executable, "-m", "vmtest", str(project), "--kernel", spec], environment


def _cold(project: Path, spec: str, directory: Path) -> tuple[list[str], dict[str, str]]:
    """Return the same with a cache that holds kernels only."""
    cache = directory / "cold"
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "ebpf-new").mkdir(parents=True)
    (cache / "ebpf-new" / "kernels").symlink_to(cache_root() / "kernels")
    command, environment = _runner(project, spec)
    return command, {**environment, "XDG_CACHE_HOME": str(cache)}


def _bare_boot(kernel: Kernel, directory: Path) -> list[str]:
    """Return QEMU's command for a boot to a shell that powers off."""
    architecture = host_architecture()
    init = b"#!/bin/busybox sh\nexec /bin/busybox poweroff -f\n"
    files = initramfs.archive(
        [
            initramfs.file("init", init),
            initramfs.character_device("dev/console", 5, 1),
            initramfs.host_file(find_busybox(host_architecture()), "bin/busybox"),
            *initramfs.libraries(find_busybox(host_architecture())),
        ]
    )
    archive = directory / f"bare-{kernel.release}.cpio"
    archive.write_bytes(files)
    hardware = MachineConfig(architecture, choose_accelerator(architecture), MEMORY)
    return [
        find_qemu(architecture), *hardware.arguments(), "-serial", "stdio",
        "-kernel", str(kernel.image.with_name("vmlinuz")), "-initrd", str(archive),
        "-append", "console=ttyS0 panic=-1 quiet",
    ]  # fmt: skip


def _full_kernel() -> Path:
    """Return the newest full kernel of this machine's release, fetched once, beside its modules."""
    apt = Apt(configured_suites()[0], host_architecture().name)
    apt.update()
    depends = apt.run("apt-cache", "depends", "--important", f"linux-image-{host_architecture().name}").split()
    package = next(word for word in depends if word.startswith("linux-image-") and word[-1] != "]" and "." in word)
    release = package.removeprefix("linux-image-")
    target = cache_root() / "bench" / release
    if not target.exists():
        with new_directory(target) as work:
            apt.unpack([package], work, work)
            subprocess.run(["/sbin/depmod", "--basedir", work, release], check=True)
    return target / "boot" / f"vmlinuz-{release}"


def _virtme(kernel: Path, project: Path, directory: Path) -> Callable[[], float]:
    """Return a call that runs the project's program by virtme-ng and sees its event, and says how long it took."""
    shared = directory / "shared"
    shared.mkdir()
    script = directory / "drive.sh"
    script.write_text(
        f"""#!/bin/sh
cd {shlex.quote(str(project / "build"))}
./hello >/dev/shm/output &
program=$!
until grep -q Attached /dev/shm/output; do sleep 0.05; done
sh -c 'echo $$ >/dev/shm/pid; echo hello'
grep -m 1 "sys_enter_write from PID $(cat /dev/shm/pid)\\." /sys/kernel/tracing/trace >{shlex.quote(str(shared))}/event
kill -INT $program
wait $program
"""
    )
    script.chmod(0o755)
    without_kvm = [] if choose_accelerator(host_architecture()) == "kvm" else ["--disable-kvm"]
    command = [
        str(SCRIPTS / "vng"), "--run", str(kernel), "--force-9p", "--cpus", "1", "--memory", f"{MEMORY}M", "--cwd", "/",
        "--rwdir", str(shared), "--exec", str(script), *without_kvm,
    ]  # fmt: skip

    # vng looks its own parts up on PATH.
    environment = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}

    def run() -> float:
        event = shared / "event"
        event.unlink(missing_ok=True)
        began = time.perf_counter()
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=LIMIT
        )
        took = time.perf_counter() - began
        if not (event.exists() and event.read_text()):
            raise RuntimeError(f"no event was seen with {shlex.join(command)}: {done.stderr.decode()[-2000:]}")
        return took

    return run
