# SPDX-License-Identifier: BSD-2-Clause
"""What every workflow keeps to, here and in the generated repositories, and no linter asks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

IMAGES = ("ubuntu-24.04", "ubuntu-24.04-arm")
PINS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).parents[1].joinpath("action_pins.toml").read_text())[
    "actions"
]
PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)$", re.MULTILINE)


def broken_rules(workflow: Path) -> list[str]:
    """Return a sentence for each rule that the file breaks."""
    text = workflow.read_text()
    parsed = yaml.safe_load(text)
    jobs: dict[str, Any] = parsed["jobs"]
    found = [] if parsed.get("permissions") == {} else ["permissions at the top are not {}"]
    found += [] if parsed.get("concurrency", {}).get("group") else ["there is no concurrency group"]
    for name, job in jobs.items():
        found += [f"{name}: {broken}" for broken in _broken_by_job(job)]
    return found + list(_broken_pins(text, [use for job in jobs.values() for use in _uses(job)]))


def _broken_by_job(job: dict[str, Any]) -> Iterator[str]:
    if str(job.get("uses", "")).startswith("./"):
        return  # the jobs of the workflow that it calls are looked at there
    if not isinstance(job.get("timeout-minutes"), int):
        yield "it has no timeout-minutes"
    if job.get("runs-on") not in IMAGES:
        yield f"runs-on is {job.get('runs-on')}, which is none of {', '.join(IMAGES)}"


def _uses(job: dict[str, Any]) -> list[str]:
    named = [step["uses"] for step in [job, *job.get("steps", [])] if "uses" in step]
    return [use for use in named if not use.startswith("./")]


def _broken_pins(text: str, uses: list[str]) -> Iterator[str]:
    """Compare what the parsed file uses with the lines that name commit and version: YAML keeps no comments."""
    lines = {f"{match['action']}@{match['commit']}": match for match in PINNED.finditer(text)}
    for use in dict.fromkeys(uses):
        if use not in lines:
            yield f"{use} is no commit of 40 digits with its version behind it, as in `# v1.2.3`"
            continue
        pin = {"version": lines[use]["version"], "commit": lines[use]["commit"]}
        if PINS.get(lines[use]["action"]) != pin:
            yield f"{use} # {pin['version']} does not stand in tests/action_pins.toml"
