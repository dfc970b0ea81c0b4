# SPDX-License-Identifier: BSD-2-Clause
"""Workflows and Dependabot's settings, here and in every generated repository: linters and rules of our own."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.documented import documented_workflow
from tests.paths import ROOT
from tests.render.linters import Arguments, accepted, of_python, refused
from tests.render.starters import starter
from tests.render.trees import CATALOG, rendered
from tests.render.workflow_rules import PINS, broken_rules

GENERATED = {"dependabot.yml", "workflows/ci.yml", "workflows/release.yml"}
EXPORTED = {*GENERATED, "workflows/first-run.yml"}
OWN = {*GENERATED, "workflows/kernels.yml", "workflows/weekly.yml"}

SOUND = """\
name: CI
on: push
permissions: {}
concurrency:
  group: ${{ github.ref }}
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@COMMIT # VERSION
        with:
          persist-credentials: false
      - run: make test
""".replace("COMMIT", PINS["actions/checkout"]["commit"]).replace("VERSION", PINS["actions/checkout"]["version"])
DEPENDABOT = """\
version: 2
updates:
  - package-ecosystem: github-actions
    directory: /
    schedule:
      interval: weekly
    cooldown:
      default-days: 7
"""


def actionlint(place: Path) -> Arguments:
    # With shellcheck, which the set-up has put on PATH, it reads the scripts too.
    return ["actionlint", "-shellcheck", "shellcheck", "-pyflakes", "", *workflows(place)]


def zizmor(place: Path) -> Arguments:
    return [of_python("zizmor"), "--offline", "--no-online-audits", "--persona", "regular", "--quiet", str(place)]


def workflow_schema(place: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows(place)]


def dependabot_schema(place: Path) -> Arguments:
    return [of_python("check-jsonschema"), "--builtin-schema", "vendor.dependabot", str(place / "dependabot.yml")]


LINTERS = (actionlint, zizmor, workflow_schema, dependabot_schema)
Linter = Callable[[Path], Arguments]


def workflows(place: Path) -> list[str]:
    return sorted(map(str, place.glob("workflows/*")))


@pytest.fixture(params=["own", *(f"{kind} {name}" for kind in ("generated", "exported") for name in CATALOG)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The directory .github of this repository, and of a generated and an exported one of each framework."""
    kind, _, framework = request.param.partition(" ")
    if kind == "own":
        return ROOT / ".github"
    return (rendered(tmp_path, framework) if kind == "generated" else starter("with owner", framework)) / ".github"


def settings(place: Path, workflow: str = SOUND, dependabot: str = DEPENDABOT) -> Path:
    """A directory .github with these files."""
    (place / "workflows").mkdir(parents=True)
    (place / "workflows/ci.yml").write_text(workflow)
    (place / "dependabot.yml").write_text(dependabot)
    return place


def test_every_file_is_known_and_there(place: Path) -> None:
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    exported = (place.parent / "tools/rename.py").exists()
    assert found == (OWN if place.parent == ROOT else EXPORTED if exported else GENERATED)


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_find_nothing(place: Path, linter: Linter) -> None:
    accepted(linter(place))


def test_rules_are_kept(place: Path) -> None:
    assert [(path, broken) for path in workflows(place) for broken in broken_rules(Path(path))] == []


@pytest.mark.parametrize("workflow", [SOUND, documented_workflow()], ids=["least", "documented"])
def test_what_is_sound_passes(tmp_path: Path, workflow: str) -> None:
    place = settings(tmp_path / ".github", workflow)
    for linter in LINTERS:
        accepted(linter(place))
    assert broken_rules(place / "workflows/ci.yml") == []


@pytest.mark.parametrize(
    ("linter", "right", "wrong", "told"),
    [
        (actionlint, "github.ref", "github.reference", 'property "reference" is not defined'),
        (actionlint, "make test", "echo $HOME/*.c > $OUT", "SC2086"),
        (zizmor, "        with:\n          persist-credentials: false\n", "", "artipacked"),
        (zizmor, "make test", "echo ${{ github.head_ref }}", "template-injection"),
        (workflow_schema, "timeout-minutes: 5", "timeout-minute: 5", "timeout-minute"),
        (dependabot_schema, "github-actions", "github-action", "github-action"),
        (zizmor, "default-days: 7", "default-days: 1", "dependabot-cooldown"),
    ],
)
def test_linters_refuse(tmp_path: Path, linter: Linter, right: str, wrong: str, told: str) -> None:
    assert right in SOUND + DEPENDABOT
    place = settings(tmp_path / ".github", SOUND.replace(right, wrong), DEPENDABOT.replace(right, wrong))
    refused(linter(place), told)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (r"permissions: \{\}", "permissions: read-all", "permissions at the top"),
        (r"permissions: \{\}\n", "", "permissions at the top"),
        (r"concurrency:\n.*\n", "", "concurrency"),
        ("    timeout-minutes: 5\n", "", "test: it has no timeout-minutes"),
        ("ubuntu-24.04", "ubuntu-latest", "test: runs-on is ubuntu-latest"),
        (r"@[0-9a-f]+ # (.*)", r"@\1", "actions/checkout@v.* is no commit"),
        (r" # v.*", "", "is no commit .* with its version"),
        (r"# v.*", "# v0.0.1", "# v0.0.1 does not stand in"),
        (r"@[0-9a-f]{8}", "@00000000", "@00000000.* does not stand in"),
        ("actions/checkout", "somebody/checkout", "somebody/checkout@.* does not stand in"),
        (r"uses: (.*) # v.*", r'"uses": "\1"', "is no commit"),
    ],
)
def test_rules_refuse(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    changed, count = re.subn(right, wrong, SOUND)
    assert count == 1
    (broken,) = broken_rules(settings(tmp_path / ".github", changed) / "workflows/ci.yml")
    assert re.search(told, broken)


def test_every_pin_is_used_somewhere(tmp_path: Path) -> None:
    roots = [ROOT / ".github", *(rendered(tmp_path, name, name=f"x-{name}") / ".github" for name in CATALOG)]
    texts = "".join(Path(path).read_text() for root in roots for path in workflows(root))
    assert [action for action in PINS if f"uses: {action}@" not in texts] == []


def test_the_kinds_of_updates_exist_for_every_lock(place: Path) -> None:
    """A repository with a Dockerfile, a go.mod or a Cargo.toml gets proposals for what it names."""
    kinds = {each["package-ecosystem"] for each in yaml.safe_load((place / "dependabot.yml").read_text())["updates"]}
    manifests = {"Dockerfile": "docker", "go.mod": "gomod", "Cargo.toml": "cargo", "pyproject.toml": "pip"}
    wanted = {kind for file, kind in manifests.items() if (place.parent / file).exists()}
    assert kinds == {"github-actions", *wanted}
