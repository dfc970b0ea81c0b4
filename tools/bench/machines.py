# SPDX-License-Identifier: BSD-2-Clause
"""Runs in a VM against a bare boot of the same kernel, and against virtme-ng, all as whole processes.

Why the comparison is fair: the bare boot uses the same virtual machine as the runner's guest (its MachineConfig:
memory, CPU model, accelerator) and the kernel of Debian. Its uncompressed initramfs contains only busybox, and its
shell powers off at once. A cold run has only the kernel in its cache. It boots, saves the guest, and completes both
runs of the program. virtme-ng runs the same program on the newest full kernel of the release, because it cannot boot
the cloud kernels. It gets the settings that are fastest here: 9p as the root, one line of output, one processor, and
the accelerator of the runner. It also does less: it starts the program, triggers it once, finds the event, and stops
the program.
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
from tools.bench.measure import PROCESS_SECONDS, Row, in_turns, ratio, seconds_of

KERNELS = ("6.1", "6.12")
TIMES = 5
VIRTME_TIMES = 3
MEMORY = 256  # MiB, as in the manifests of the projects
MEMORY_LIMIT = 150  # MB
SCRIPTS = Path(sys.executable).parent
# Prints the peak memory of the runner itself, without QEMU.
PEAK = """
import re, runpy, sys
try:
    runpy.run_module("vmtest", run_name="__main__")
except SystemExit as exit:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
    sys.exit(exit.code)
"""


def create_project(directory: Path) -> Path:
    """Create and build a project in `directory`, and return its path."""
    project = directory / "hello"
    seconds_of([SCRIPTS / "ebpf-new", project, "--framework", "libbpf", "--yes", "--no-git"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    seconds_of(["make", "-C", project], environment)
    return project


def measure_boots(directory: Path, project: Path, spec: str) -> list[Row]:
    """Return the rows for cold and warm runs on the kernel `spec`."""
    kernel = find_kernel(spec, host_architecture())
    boot = _bare_boot(kernel, directory)
    medians = in_turns(
        {
            "cold": lambda: seconds_of(*_cold_runner(project, spec, directory)),
            "bare": lambda: seconds_of(boot),
            "warm": lambda: seconds_of(*_runner(project, spec)),
        },
        TIMES,
    )
    return [
        ratio(f"cold run on {spec} / bare boot", medians["cold"], medians["bare"], 1.3),
        ratio(f"warm run on {spec} / bare boot", medians["warm"], medians["bare"], 0.3),
    ]


def measure_virtme(directory: Path, project: Path) -> list[Row]:
    """Return the row for a warm run against virtme-ng."""
    kernel = _full_kernel()
    medians = in_turns(
        {
            "warm": lambda: seconds_of(*_runner(project, "distro")),
            "virtme-ng": _virtme_run(kernel, project, directory),
        },
        VIRTME_TIMES,
    )
    return [ratio("warm run / virtme-ng", medians["warm"], medians["virtme-ng"], 0.15)]


def measure_memory(directory: Path, project: Path) -> list[Row]:
    """Return the rows for the peak memory of the runner itself: in a first run, which needs most, and in a warm run."""
    image = find_kernel(KERNELS[-1], host_architecture()).image.with_name("vmlinuz")

    def peak_megabytes(spec: str, cache: dict[str, str]) -> float:
        _, environment = _runner(project, spec)
        command = [sys.executable, "-c", PEAK, str(project), "--kernel", spec]
        done = subprocess.run(command, env={**environment, **cache}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the runner did not pass: {done.stdout}{done.stderr}")
        return int(done.stdout.split()[-1]) * 1024 / 1e6

    first = peak_megabytes(str(image), {"XDG_CACHE_HOME": str(directory / "cache")})
    warm = peak_megabytes(KERNELS[-1], {})
    return [
        Row("peak memory of the runner, first run", first, MEMORY_LIMIT, "extracts the kernel from its bzImage", " MB"),
        Row("peak memory of the runner, warm run", warm, MEMORY_LIMIT, "without QEMU", " MB"),
    ]


def _runner(project: Path, spec: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of the project's own runner, in which Python caches compiled modules."""
    environment = {**os.environ, "PYTHONPATH": str(project / "test")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return [sys.executable, "-m", "vmtest", str(project), "--kernel", spec], environment


def _cold_runner(project: Path, spec: str, directory: Path) -> tuple[list[str], dict[str, str]]:
    """Return the same, with a cache that contains only kernels."""
    cache = directory / "cold"
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "ebpf-new").mkdir(parents=True)
    (cache / "ebpf-new" / "kernels").symlink_to(cache_root() / "kernels")
    command, environment = _runner(project, spec)
    return command, {**environment, "XDG_CACHE_HOME": str(cache)}


def _bare_boot(kernel: Kernel, directory: Path) -> list[str]:
    """Return the QEMU command for a boot to a shell that powers off."""
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
    """Return the newest full kernel of this machine's release, next to its modules. It is downloaded once."""
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


def _virtme_run(kernel: Path, project: Path, directory: Path) -> Callable[[], float]:
    """Return a function that runs the program with virtme-ng until its event, and returns the time in seconds."""
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

    # vng looks for its own commands on PATH.
    environment = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}

    def run() -> float:
        event = shared / "event"
        event.unlink(missing_ok=True)
        start = time.perf_counter()
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PROCESS_SECONDS,
        )
        seconds = time.perf_counter() - start
        if not (event.exists() and event.read_text()):
            raise RuntimeError(f"no event with {shlex.join(command)}: {done.stderr.decode()[-2000:]}")
        return seconds

    return run
