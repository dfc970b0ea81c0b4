# SPDX-License-Identifier: BSD-2-Clause
"""The memory that the machine and the control groups of this process leave, according to the kernel's files."""

from pathlib import Path

from scaffold.testing.cgroups import free_memory, own_cgroups

MIB = 1 << 20
MEMINFO = "MemTotal: 2048000 kB\nMemAvailable:   1024000 kB\n"
MOUNTS = "22 1 8:1 / / rw - ext4 /dev/vda rw\n35 25 0:30 {root} {directory} rw - cgroup2 cgroup2 rw\n"


def limit_memory(directory: Path, limit: str, current: int = 0, inactive_file: int = 0) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "memory.max").write_text(f"{limit}\n")
    (directory / "memory.current").write_text(f"{current}\n")
    (directory / "memory.stat").write_text(f"anon 1\ninactive_file {inactive_file}\nactive_file 3\n")
    return directory


def test_the_directory_of_each_controller() -> None:
    mounts = (
        "36 25 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "37 25 0:32 /docker/1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "38 25 0:33 / /sys/fs/cgroup/unified rw - cgroup2  rw,nsdelegate\n"
    )
    assert own_cgroups("4:memory:/a\n3:cpu,cpuacct:/docker/1/b\n0::/c\n", mounts) == {
        "memory": Path("/sys/fs/cgroup/memory/a"),
        "cpu": Path("/sys/fs/cgroup/cpu/b"),
        "cpuacct": Path("/sys/fs/cgroup/cpu/b"),
        "": Path("/sys/fs/cgroup/unified/c"),
    }


def test_without_a_group_the_available_memory_is_free() -> None:
    assert free_memory(MEMINFO, "0::/\n", "22 1 8:1 / / rw - ext4 /dev/vda rw\n") == 1000 * MIB


def test_the_smallest_limit_of_all_groups_counts(tmp_path: Path) -> None:
    limit_memory(tmp_path / "a", str(500 * MIB), current=300 * MIB, inactive_file=50 * MIB)
    limit_memory(tmp_path / "a/b", str(400 * MIB), current=10 * MIB)
    limit_memory(tmp_path / "a/b/c", "max")
    mounts = MOUNTS.format(root="/", directory=tmp_path)
    assert free_memory(MEMINFO, "0::/a/b/c\n", mounts) == 250 * MIB


def test_limits_above_the_available_memory_do_not_count(tmp_path: Path) -> None:
    limit_memory(tmp_path, str(5000 * MIB))
    assert free_memory(MEMINFO, "0::/\n", MOUNTS.format(root="/", directory=tmp_path)) == 1000 * MIB


def test_a_container_sees_a_part_of_the_hierarchy(tmp_path: Path) -> None:
    limit_memory(tmp_path, str(100 * MIB), current=MIB)
    mounts = MOUNTS.format(root="/docker/1", directory=tmp_path)
    assert free_memory(MEMINFO, "0::/docker/1\n", mounts) == 99 * MIB


def test_this_machine_has_free_memory() -> None:
    assert free_memory() > MIB
