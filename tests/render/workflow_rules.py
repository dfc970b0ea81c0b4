# SPDX-License-Identifier: BSD-2-Clause
"""Rules for every workflow, in this repository and in generated ones, that no linter checks."""

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
    """Return a message for each rule that the file breaks."""
    text = workflow.read_text()
    parsed = yaml.safe_load(text)
    jobs: dict[str, Any] = parsed["jobs"]
    messages = [] if parsed.get("permissions") == {} else ["expected permissions: {} at the top level"]
    messages += [] if parsed.get("concurrency", {}).get("group") else ["concurrency group is missing"]
    for name, job in jobs.items():
        messages += [f"{name}: {message}" for message in _broken_by_job(job)]
    return messages + list(_broken_pins(text, [use for job in jobs.values() for use in _uses(job)]))


def _broken_by_job(job: dict[str, Any]) -> Iterator[str]:
    if str(job.get("uses", "")).startswith("./"):
        return  # the called workflow is checked as a file
    if not isinstance(job.get("timeout-minutes"), int):
        yield "timeout-minutes is missing"
    if job.get("runs-on") not in IMAGES:
        yield f"invalid runs-on {job.get('runs-on')}: expected {' or '.join(IMAGES)}"


def _uses(job: dict[str, Any]) -> list[str]:
    actions = [step["uses"] for step in [job, *job.get("steps", [])] if "uses" in step]
    return [use for use in actions if not use.startswith("./")]


def _broken_pins(text: str, uses: list[str]) -> Iterator[str]:
    """Compare the actions of the parsed file with its lines, since YAML drops the version in a comment."""
    lines = {f"{match['action']}@{match['commit']}": match for match in PINNED.finditer(text)}
    for use in dict.fromkeys(uses):
        if use not in lines:
            yield f"{use}: expected a commit of 40 digits and a comment with its version, such as `# v1.2.3`"
            continue
        pin = {"version": lines[use]["version"], "commit": lines[use]["commit"]}
        if PINS.get(lines[use]["action"]) != pin:
            yield f"{use} # {pin['version']} is not in tests/action_pins.toml"
