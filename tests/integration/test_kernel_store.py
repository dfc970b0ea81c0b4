# SPDX-License-Identifier: BSD-2-Clause
"""`ebpf-new kernels`: list, fetch and remove kernels; and the kernel modules that a program needs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.test_vm_archive import OutdatedLists, apt_through, proxy, without
from tests.integration.vm_runs import run_vmtest

NOWHERE = "http://127.0.0.1:9"  # no archive listens there


def kernels(*arguments: str, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `ebpf-new kernels` with the environment `variables` in addition."""
    command = [sys.executable, "-m", "scaffold", "kernels", *arguments]
    environment = {**os.environ, "COLUMNS": "120", **(variables or {})}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def own_cache(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a cache that contains a copy of kernel 6.1 and of the archive's package lists."""
    assert kernels("fetch", "6.1").returncode == 0
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebpf-new"
    cache = tmp_path / "cache" / "ebpf-new"
    (cache / "kernels" / "x86_64").mkdir(parents=True)
    newest = max((home / "kernels/x86_64").glob("6.1.*"))
    shutil.copytree(newest, cache / "kernels/x86_64" / newest.name)
    shutil.copytree(home / "apt", cache / "apt", symlinks=True)
    return {"XDG_CACHE_HOME": str(cache.parent)}


def test_the_list_contains_cached_and_available_kernels(own_cache: dict[str, str]) -> None:
    listing = json.loads(kernels("list", "--json", variables=own_cache).stdout)
    (cached,) = listing["cached"]
    assert cached["release"].startswith("6.1.") and cached["arch"] == "amd64" and cached["size"] > 1 << 20
    for arch in ("amd64", "arm64"):
        offered = [offer["series"] for offer in listing["offered"] if offer["arch"] == arch]
        assert len(offered) == len(set(offered)) >= 6
        assert offered[0] == "5.10" and offered.index("6.1") < offered.index("6.12")
    shown = kernels(variables=own_cache)
    assert cached["release"] in shown.stdout and "1 kernel in the cache" in shown.stdout


def test_cached_kernels_need_no_network(own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    shutil.rmtree(tmp_path / "cache/ebpf-new/apt")
    offline = {**own_cache, **apt_through(NOWHERE, tmp_path)}
    assert "1 kernel in the cache" in kernels("list", "--cached", variables=offline).stdout
    assert kernels("fetch", "6.1", variables=offline).returncode == 0
    for spec in ("6.1", "newest"):
        assert run_vmtest(libbpf_project, "--kernel", spec, environment=offline).status == 0
    done = kernels("list", variables=offline)
    assert (done.returncode, done.stdout) == (69, "")
    assert "cannot download kernel" in done.stderr and "list --cached" in done.stderr


def test_list_is_the_default_command(own_cache: dict[str, str]) -> None:
    (cached,) = json.loads(kernels("--cached", "--json", variables=own_cache).stdout)["cached"]
    assert cached["release"].startswith("6.1.")
    assert "fetch" in kernels("--help").stdout


def test_an_unreachable_part_of_the_archive_is_tried_again_soon(own_cache: dict[str, str], tmp_path: Path) -> None:
    apt = tmp_path / "cache/ebpf-new/apt"
    kept = apt / "offers-amd64.json"
    complete = kept.read_text()
    newest = json.loads(complete)[-1]
    suite = newest["suite"]["name"]

    def offered(variables: dict[str, str]) -> list[str]:
        listing = json.loads(kernels("--arch", "amd64", "--json", variables={**own_cache, **variables}).stdout)
        return [offer["release"] for offer in listing["offered"]]

    shutil.rmtree(apt / f"{suite}-amd64")
    kept.unlink()
    with proxy(without(suite)) as address:
        assert newest["release"] not in offered(apt_through(address, tmp_path))
    assert newest["release"] not in offered({})
    hour_ago = kept.stat().st_mtime - 3600
    os.utime(kept, (hour_ago, hour_ago))
    assert newest["release"] in offered({})
    os.utime(kept, (time.time() - 3600,) * 2)
    kept.write_text(complete.replace(newest["release"], "99.0.1-cloud-amd64"))
    os.utime(kept, (time.time() - 3600,) * 2)
    assert "99.0.1-cloud-amd64" in offered({})


def test_an_old_list_is_updated_if_possible(own_cache: dict[str, str], tmp_path: Path) -> None:
    apt = tmp_path / "cache/ebpf-new/apt"
    (kept,) = apt.glob("offers-amd64.json")
    for path in (kept, *apt.glob("*/updated")):
        os.utime(path, (0, 0))
    offline = {**own_cache, **apt_through(NOWHERE, tmp_path)}
    before = json.loads(kernels("list", "--arch", "amd64", "--json", variables=offline).stdout)["offered"]
    assert len(before) >= 6
    os.utime(kept, (0, 0))
    assert kernels("list", "--arch", "amd64", variables=own_cache).returncode == 0
    assert time.time() - kept.stat().st_mtime < 3600


def test_the_package_lists_are_updated_if_a_package_has_moved(own_cache: dict[str, str], tmp_path: Path) -> None:
    store = tmp_path / "cache/ebpf-new/kernels"
    shutil.rmtree(store)
    fault = OutdatedLists()
    with proxy(fault) as address:
        done = kernels("fetch", "6.1", variables={**own_cache, **apt_through(address, tmp_path)})
    assert done.returncode == 0, done.stderr
    first, last = fault.requested[0], fault.requested[-1]
    assert first == last and first.endswith(".deb") and "InRelease" in fault.requested
    assert [path.name for path in store.glob("*/*")] == [done.stdout.split()[0]]


def test_a_removed_kernel_is_replaced_by_the_next_of_its_series(own_cache: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache/ebpf-new"
    shutil.rmtree(cache / "kernels")
    changed = 0
    for listing in cache.glob("apt/*-amd64/lists/*_Packages*"):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", listing], check=True, capture_output=True).stdout
        old = re.sub(rb"6\.1\.0-\d+-cloud-amd64", b"6.1.0-999-cloud-amd64", text)
        if old != text:
            listing.unlink()
            listing.with_name(f"{listing.name.partition('_Packages')[0]}_Packages").write_bytes(old)
            next(listing.parent.glob("*_InRelease")).unlink()
            changed += 1
    assert changed
    done = kernels("fetch", "6.1", variables=own_cache)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"6\.1\.0-\d{2}-cloud-amd64 is in the cache\n", done.stdout)


@pytest.mark.parametrize(("part", "size"), [("kernels", "30m"), ("apt", "1m")])
def test_a_full_disk_while_fetching(part: str, size: str, own_cache: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache/ebpf-new"
    shutil.rmtree(cache / "kernels")
    shutil.rmtree(cache / part, ignore_errors=True)
    (cache / part).mkdir()
    command = [sys.executable, "-m", "scaffold", "kernels", "fetch", "6.1"]
    script = f'mount -t tmpfs -o size={size} none "$0" && "$@"; status=$?; find "$0"/x86_64 -type f; exit $status'
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(cache / part), *command],
        env={**os.environ, **own_cache}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (69, ""), done.stderr
    assert "space" in done.stderr and "Traceback" not in done.stderr
    assert kernels("fetch", "6.1", variables=own_cache).returncode == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_while_fetching(end: signal.Signals, own_cache: dict[str, str], tmp_path: Path) -> None:
    store = tmp_path / "cache/ebpf-new/kernels"
    shutil.rmtree(store)
    command = [sys.executable, "-m", "scaffold", "kernels", "fetch", "6.1"]
    with subprocess.Popen(
        command, env={**os.environ, **own_cache}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(store.glob("*/.6.1.*")):
            assert process.poll() is None
        process.send_signal(end)
        output = "".join(process.communicate())
    assert (process.returncode, output) == ({signal.SIGINT: 130, signal.SIGTERM: 143}.get(end, -end), "")
    if end != signal.SIGKILL:
        assert list(store.glob("*/*")) == []
    done = kernels("fetch", "6.1", variables=own_cache)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in store.glob("*/*")] == [done.stdout.split()[0]]


def test_an_unavailable_kernel_is_named_with_the_available_ones() -> None:
    done = kernels("fetch", "6.1", "1.2")
    assert done.returncode == 69
    assert "6.1." in done.stdout
    assert "kernel 1.2 not found: the apt archive of this machine has 5.10" in done.stderr
    done = kernels("fetch", "6.1", "1.2", "--json")
    assert done.returncode == 69
    assert [release[:4] for release in json.loads(done.stdout)["fetched"]] == ["6.1."]


def test_unused_kernels_and_guests_are_removed(own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=own_cache).status == 0
    assert json.loads(kernels("prune", "--json", variables=own_cache).stdout)["kernels"] == []
    cache = tmp_path / "cache/ebpf-new"
    for entry in (*cache.glob("kernels/x86_64/*"), *cache.glob("guests/*")):
        os.utime(entry, (0, 0))
    done = kernels("prune", variables=own_cache)
    assert "Removed kernel 6.1." in done.stdout and ", 1 saved guest: " in done.stdout
    assert not list(cache.glob("kernels/x86_64/*")) + list(cache.glob("guests/*"))
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=own_cache).status == 0


def test_guests_of_removed_kernels_are_removed(own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=own_cache).status == 0
    cache = tmp_path / "cache/ebpf-new"
    assert json.loads(kernels("prune", "--json", variables=own_cache).stdout)["guests"] == 0
    shutil.rmtree(cache / "kernels/x86_64")
    pruned = json.loads(kernels("prune", "--json", variables=own_cache).stdout)
    assert (pruned["kernels"], pruned["guests"]) == ([], 1) and pruned["size"] > 1 << 20
    assert list((cache / "guests").iterdir()) == []


@pytest.mark.parametrize("damage", ["kernel.json", "images"])
def test_a_damaged_kernel_is_fetched_again(
    damage: str, own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path
) -> None:
    (entry,) = (tmp_path / "cache/ebpf-new/kernels/x86_64").iterdir()
    if damage == "kernel.json":
        (entry / damage).write_bytes(b"")
    else:
        for file in entry.glob("vmlinu*"):
            file.unlink()
    assert json.loads(kernels("--cached", "--json", variables=own_cache).stdout)["cached"] == []
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=own_cache).status == 0


def test_a_used_kernel_is_kept(own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path) -> None:
    (entry,) = (tmp_path / "cache/ebpf-new/kernels/x86_64").iterdir()
    os.utime(entry, (0, 0))
    assert run_vmtest(libbpf_project, "--kernel", "6.1", environment=own_cache).status == 0
    assert json.loads(kernels("prune", "--json", variables=own_cache).stdout)["kernels"] == []


def with_modules(project: Path, directory: Path, modules: str, required: str = "dummy") -> Path:
    """Return a copy of `project` whose guest loads `modules`, and whose trigger needs the module `required`."""
    copy = Path(shutil.copytree(project, directory / "with-modules", symlinks=True))
    manifest = copy / "test/vmtest.toml"
    text = manifest.read_text().replace("[guest]", f"[guest]\nmodules = [{modules}]")
    lines = [
        f"""trigger = ["sh", "-c", "grep -q '^{required} ' /proc/modules && echo write"]"""
        if line.startswith("trigger =")
        else line
        for line in text.splitlines()
    ]
    manifest.write_text("\n".join(lines))
    return copy


@pytest.mark.parametrize("kernel", ["5.10", "6.12", "newest"])
def test_modules_are_loaded_before_the_program(kernel: str, libbpf_project: Path, tmp_path: Path) -> None:
    copy = with_modules(libbpf_project, tmp_path, '"dummy", "vxlan"')
    (verdict,) = run_vmtest(copy, "--kernel", kernel).verdicts
    assert verdict["verdict"] == "pass", verdict


def test_the_trigger_fails_without_the_module(libbpf_project: Path, tmp_path: Path) -> None:
    copy = with_modules(libbpf_project, tmp_path, "")
    (verdict,) = run_vmtest(copy, "--kernel", "6.12").verdicts
    assert (verdict["verdict"], "no event of PID" in verdict["reason"]) == ("fail", True), verdict


def test_a_module_that_does_not_exist(libbpf_project: Path, tmp_path: Path) -> None:
    copy = with_modules(libbpf_project, tmp_path, '"no_such_module"')
    run = run_vmtest(copy, "--kernel", "6.12")
    assert (run.status, run.verdicts[0]["verdict"]) == (69, "error")
    assert "has no module no_such_module" in run.verdicts[0]["reason"]


def test_a_recommended_module_is_loaded_too(libbpf_project: Path, tmp_path: Path) -> None:
    copy = with_modules(libbpf_project, tmp_path, '"xt_LOG"', required="nf_log_syslog")
    (verdict,) = run_vmtest(copy, "--kernel", "6.12").verdicts
    assert verdict["verdict"] == "pass", verdict


def test_a_module_that_does_not_load(libbpf_project: Path, tmp_path: Path) -> None:
    copy = with_modules(libbpf_project, tmp_path, '"kvm_amd", "kvm_intel"')  # one of them needs another processor
    for _ in range(2):
        run = run_vmtest(copy, "--kernel", "6.12")
        assert (run.status, run.verdicts[0]["verdict"]) == (69, "error")
        assert "this kernel cannot load the module kvm_" in run.verdicts[0]["reason"]


def test_modules_of_a_fetched_kernel_need_no_archive(
    own_cache: dict[str, str], tmp_path: Path, libbpf_project: Path
) -> None:
    shutil.rmtree(tmp_path / "cache/ebpf-new/apt")
    copy = with_modules(libbpf_project, tmp_path, '"dummy", "xfs"')
    offline = {**own_cache, **apt_through(NOWHERE, tmp_path)}
    (verdict,) = run_vmtest(copy, "--kernel", "6.1", environment=offline).verdicts
    assert verdict["verdict"] == "pass", verdict
