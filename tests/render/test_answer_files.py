# SPDX-License-Identifier: BSD-2-Clause
"""The commands read answers from the configuration, from --answers and from the last run."""

import json
from pathlib import Path

import pytest

from scaffold.project.answers import configuration_path, last_answers_path
from scaffold.project.catalog import load_catalog
from tests.conftest import Command

CATALOG = load_catalog()
FIRST = next(iter(CATALOG))
WITH_MODULE = next(name for name, framework in CATALOG.items() if "module" in framework.own_answers)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home/state"))


def configure(text: str) -> Path:
    """Write the user's configuration, and return its path."""
    path = configuration_path()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def recorded_answers(project: Path) -> dict[str, str]:
    """Return the answers in the record of `project`."""
    answers: dict[str, str] = json.loads((project / ".ebpf-new.json").read_text())["answers"]
    return answers


def test_new_uses_the_configuration(ebpf_new: Command, tmp_path: Path) -> None:
    configure(f'framework = "{WITH_MODULE}"\nowner = "zoe"\ngit = false')
    created = json.loads(ebpf_new("hello", "--json").stdout)
    assert created["commit"] is None
    assert recorded_answers(tmp_path / "hello")["module"] == "github.com/zoe/hello"
    assert json.loads(ebpf_new("other", "--json", "--git").stdout)["commit"]


def test_export_uses_the_configuration(ebpf_new: Command, tmp_path: Path) -> None:
    configure('framework = "nonsense"\nowner = "zoe"\ngit = false')
    assert ebpf_new("export", "all").returncode == 0
    assert recorded_answers(tmp_path / "all" / f"{FIRST}-starter")["owner"] == "zoe"
    assert not list((tmp_path / "all").glob("*/.git"))


def test_invalid_files_are_usage_errors_and_nothing_is_written(ebpf_new: Command, tmp_path: Path) -> None:
    path = configure('licence = "MIT"')
    (tmp_path / "file").write_text('owner = "a--b"')
    done = ebpf_new("1", "--framework", FIRST, "--answers", "file")
    assert done.returncode == 2
    assert all(f"{answer}: " in done.stderr for answer in ("NAME", "owner in file", f"licence in {path}"))
    path.write_text("")
    done = ebpf_new("hello", "--answers", "gone.toml")
    assert done.returncode == 2 and "cannot read gone.toml: No such file or directory" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home"]


def test_the_record_of_another_project_provides_answers(ebpf_new: Command, tmp_path: Path) -> None:
    ebpf_new("first", "-f", WITH_MODULE, "--owner", "zoe", "--license", "MIT", "--description", "{{ x }}")
    assert ebpf_new("labs/second", "--answers", "first/.ebpf-new.json").returncode == 0
    first, second = (recorded_answers(tmp_path / name) for name in ("first", "labs/second"))
    assert second == first | {"name": "second", "module": "github.com/zoe/second"}


def test_replay(ebpf_new: Command, tmp_path: Path) -> None:
    done = ebpf_new("hello", "--replay")
    assert done.returncode == 2 and str(last_answers_path()) in done.stderr
    texts = ["--author", "안녕", "--email", "", "--description", "=]", "--license", "MIT"]
    assert ebpf_new("first", "--framework", FIRST, "--no-git", *texts).returncode == 0
    assert ebpf_new("not", "--framework", WITH_MODULE, "--dry-run").returncode == 0
    assert ebpf_new("1", "--framework", WITH_MODULE).returncode == 2
    assert ebpf_new("second", "--replay").returncode == 0
    first, second = (recorded_answers(tmp_path / name) for name in ("first", "second"))
    assert second == first | {"name": "second"}
    assert not (tmp_path / "second/.git").exists()


def test_a_run_succeeds_although_its_answers_cannot_be_saved(ebpf_new: Command) -> None:
    last_answers_path().mkdir(parents=True)
    done = ebpf_new("hello", "--framework", FIRST, "--no-git")
    assert (done.returncode, done.stderr) == (0, "")
