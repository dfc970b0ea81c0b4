# SPDX-License-Identifier: BSD-2-Clause
"""Where control groups can be made, by what the kernel says of a process and its mounts."""

from pathlib import Path

from scaffold.testing.sandbox.group import CgroupParents, find_cgroup_parents

UNIFIED = "35 25 0:30 / {place} rw,nosuid - cgroup2 cgroup2 rw\n"
MEMORY = "36 25 0:31 {root} {place} rw - cgroup cgroup rw,memory\n"
PROCESSOR = "37 25 0:32 / {place} rw - cgroup cgroup rw,cpu,cpuacct\n"


def group(directory: Path, enabled: str = "") -> Path:
    directory.mkdir(parents=True)
    (directory / "cgroup.procs").touch()
    (directory / "cgroup.subtree_control").write_text(enabled)
    return directory


def test_a_group_is_made_beside_that_of_the_session(tmp_path: Path) -> None:
    slices = group(tmp_path / "user.slice", "cpu memory pids\n")
    group(slices / "session.scope")
    mounts = UNIFIED.format(place=tmp_path)
    assert find_cgroup_parents("0::/user.slice/session.scope\n", mounts) == CgroupParents(slices)


def test_without_limits_of_memory_there_is_no_place(tmp_path: Path) -> None:
    group(group(tmp_path / "user.slice", "cpu pids\n") / "session.scope")
    assert find_cgroup_parents("0::/user.slice/session.scope\n", UNIFIED.format(place=tmp_path)) is None


def test_the_first_version_has_a_hierarchy_for_each(tmp_path: Path) -> None:
    memory, processor = group(tmp_path / "memory/a"), group(tmp_path / "cpu,cpuacct")
    mounts = MEMORY.format(root="/", place=tmp_path / "memory") + PROCESSOR.format(place=processor)
    assert find_cgroup_parents("4:memory:/a\n3:cpu,cpuacct:/\n", mounts) == CgroupParents(memory, processor)


def test_a_container_sees_a_part_of_the_hierarchy(tmp_path: Path) -> None:
    memory = group(tmp_path / "memory")
    mounts = MEMORY.format(root="/docker/1", place=memory)
    assert find_cgroup_parents("4:memory:/docker/1\n", mounts) == CgroupParents(memory)
    assert find_cgroup_parents("4:memory:/elsewhere\n", mounts) is None


def test_a_machine_without_control_groups_has_no_place() -> None:
    assert find_cgroup_parents("0::/\n", "22 1 8:1 / / rw - ext4 /dev/vda rw\n") is None
