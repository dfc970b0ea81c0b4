# SPDX-License-Identifier: [= cookiecutter.license =]
"""Gives a repository that was made from this template its own name, in one commit.

    make rename NAME=x [OWNER=o]

The tree is then what `ebpf-new x --owner o` makes: rename.json beside this file has the changes, as a patch
with marks where the two go. What only a template needs is removed, this file too.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from bisect import insort
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BLOCK = rb"(?s)\n[^\n]*ebpf-new export: begin.*?ebpf-new export: end[^\n]*\n"

Rule = dict[str, Any]


def git(*arguments: str, text: str = "") -> str:
    """Run git, which shows its own errors, and return what it printed."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, input=text, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def fault(value: str, rule: Rule) -> str:
    """Return what keeps `value` from being taken; "" if nothing does."""
    if not re.fullmatch(rule["match"], value, re.ASCII) or len(value) > rule["longest"]:
        return f"{value!r} is no {rule['what']}; allowed is {rule['allowed']}"
    reasons = [refused["why"] for refused in rule["refused"] if re.fullmatch(refused["match"], value, re.ASCII)]
    return f"{value!r} cannot be the {rule['what']}: {reasons[0]}" if reasons else ""


def near(value: str, rule: Rule) -> str:
    """Return what is like `value` and is taken."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", value).strip("-_") or "tool"
    return f"my-{plain}"[: rule["longest"]] if fault(plain, rule) else plain


def bad_answer(name: str, owner: str, rules: dict[str, Rule]) -> str:
    """Return what is wrong with the answers, and what to type; "" if nothing is."""
    bad_name = fault(name, rules["NAME"]) if name else "NAME is missing"
    bad_owner = fault(owner, rules["OWNER"]) if owner else ""
    advice = f"type: make rename NAME={near(name, rules['NAME']) if bad_name else name}"
    if bad_owner:
        return f"{bad_name or bad_owner}; {advice}, with the right OWNER or without"
    return f"{bad_name}; {advice}{owner and ' OWNER=' + owner}" if bad_name else ""


def bad_repository(data: dict[str, Any]) -> str:
    """Return what keeps the repository from being renamed, and what to type; "" if nothing does."""
    if not shutil.which("git"):
        return "git is missing; install it"
    found = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=ROOT, capture_output=True, encoding="utf-8")
    if found.returncode or not os.path.samefile(found.stdout.rstrip("\n"), ROOT):
        why = found.stderr.partition("\n")[0] or f"{ROOT} is part of {found.stdout.strip()}"
        return f"this is no git repository ({why}); type: git init && git add --all && git commit -m Start"
    name = json.loads((ROOT / ".ebpf-new.json").read_text("utf-8"))["answers"]["name"]
    if name != data["name"]:
        return f"it is called {name!r} already; to remove what is left, type: git rm {' '.join(data['files'])}"
    changed = [line[3:] for line in git("status", "--porcelain").splitlines()]
    if changed:
        advice = "commit them first, or type: git stash --include-untracked"
        return f"changes would be mixed into the commit ({', '.join(changed[:5])}); {advice}"
    return ""


def filled(patch: str, mark: str, value: str) -> str:
    r"""Return `patch` with `value` for `mark`, which stands in Markdown as text too, where `_` is `\_`."""
    return patch.replace(mark, value).replace(mark.replace("_", r"\_"), value.replace("_", r"\_"))


def rename(name: str, owner: str, data: dict[str, Any]) -> None:
    """Change and remove what is to be changed and removed, and commit it."""
    patch = "\n".join([*data["patches"]["owner" if owner else "no owner"], ""])
    for word, value in (("NAME", name), ("OWNER", owner)):
        patch = filled(patch, data["rules"][word]["mark"], value)
    for path in (ROOT / block for block in data["blocks"]):
        path.write_bytes(re.sub(BLOCK, b"", path.read_bytes(), count=1))
    git("apply", "--whitespace=nowarn", "-", text=patch)
    lock = ROOT / "Cargo.lock"
    if lock.exists():  # cargo wants the packages sorted
        head, *packages = lock.read_text("utf-8").strip().split("\n\n")
        own = next(package for package in packages if f'\nname = "{name}"\n' in package)
        packages.remove(own)
        insort(packages, own)
        lock.write_text("\n\n".join([head, *packages]) + "\n", "utf-8")
    git("rm", "--quiet", *data["files"])
    git("commit", "--quiet", "--all", "--message", f"Name the repository {name}")


def main() -> None:
    """Check everything, then rename, or leave everything as it was."""
    data = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    given = dict(word.partition("=")[::2] for word in sys.argv[1:])
    name, owner = given.get("NAME", ""), given.get("OWNER", "") or data["owner"]
    wrong = bad_answer(name, owner, data["rules"]) or bad_repository(data)
    if not wrong:
        try:
            rename(name, owner, data)
        except BaseException as error:
            git("reset", "--quiet", "--hard")
            if not isinstance(error, subprocess.CalledProcessError):
                raise
            wrong = f"`git {error.cmd[1]}` failed, as it says above; nothing was changed"
    if wrong:  # on GitHub as a line that the page of the run shows
        sys.exit(f"{'::error::' if 'GITHUB_ACTIONS' in os.environ else ''}rename: {wrong}")
    print(f"This is {name} now. `git push` publishes the commit.")


if __name__ == "__main__":
    main()
