# SPDX-License-Identifier: BSD-2-Clause
"""The control groups in which this process can create others, according to the kernel's files."""

from pathlib import Path

from scaffold.testing.sandbox.group import CgroupParents, find_cgroup_parents

VERSION_2 = "35 25 0:30 / {directory} rw,nosuid - cgroup2 cgroup2 rw\n"
MEMORY = "36 25 0:31 {root} {directory} rw - cgroup cgroup rw,memory\n"
CPU = "37 25 0:32 / {directory} rw - cgroup cgroup rw,cpu,cpuacct\n"


def create_group(directory: Path, controllers: str = "") -> Path:
    directory.mkdir(parents=True)
    (directory / "cgroup.procs").touch()
    (directory / "cgroup.subtree_control").write_text(controllers)
    return directory


def test_version_2_uses_the_parent_of_the_session(tmp_path: Path) -> None:
    user_slice = create_group(tmp_path / "user.slice", "cpu memory pids\n")
    create_group(user_slice / "session.scope")
    mounts = VERSION_2.format(directory=tmp_path)
    assert find_cgroup_parents("0::/user.slice/session.scope\n", mounts) == CgroupParents(user_slice)


def test_version_2_needs_the_memory_controller(tmp_path: Path) -> None:
    create_group(create_group(tmp_path / "user.slice", "cpu pids\n") / "session.scope")
    assert find_cgroup_parents("0::/user.slice/session.scope\n", VERSION_2.format(directory=tmp_path)) is None


def test_version_1_has_a_hierarchy_for_each_controller(tmp_path: Path) -> None:
    memory, cpu = create_group(tmp_path / "memory/a"), create_group(tmp_path / "cpu,cpuacct")
    mounts = MEMORY.format(root="/", directory=tmp_path / "memory") + CPU.format(directory=cpu)
    assert find_cgroup_parents("4:memory:/a\n3:cpu,cpuacct:/\n", mounts) == CgroupParents(memory, cpu)


def test_a_container_sees_a_part_of_the_hierarchy(tmp_path: Path) -> None:
    memory = create_group(tmp_path / "memory")
    mounts = MEMORY.format(root="/docker/1", directory=memory)
    assert find_cgroup_parents("4:memory:/docker/1\n", mounts) == CgroupParents(memory)
    assert find_cgroup_parents("4:memory:/elsewhere\n", mounts) is None


def test_a_machine_without_control_groups() -> None:
    assert find_cgroup_parents("0::/\n", "22 1 8:1 / / rw - ext4 /dev/vda rw\n") is None
