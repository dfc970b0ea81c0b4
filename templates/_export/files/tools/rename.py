# SPDX-License-Identifier: [= cookiecutter.license =]
"""Rename a repository that was created from this template, in one commit.

    make rename NAME=x [OWNER=o]

The result is the tree that `ebpf-new x --owner o` creates. rename.json in this directory contains the changes,
as a patch with a mark for each of the two. Files that only a template needs, like this one, are removed.
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
Error = tuple[str, str]  # a message, and a hint that tells how to fix it


def git(*arguments: str, text: str = "") -> str:
    """Run git, which prints its own errors, and return its output."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, input=text, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def check_answer(value: str, rule: Rule) -> str:
    """Return why `value` is invalid, or "" if it is valid."""
    if not re.fullmatch(rule["match"], value, re.ASCII) or len(value) > rule["longest"]:
        return f"invalid {rule['what']} {value!r}: expected {rule['allowed']}"
    reasons = [refused["why"] for refused in rule["refused"] if re.fullmatch(refused["match"], value, re.ASCII)]
    return f"invalid {rule['what']} {value!r}: {reasons[0]}" if reasons else ""


def suggest_name(value: str, rule: Rule) -> str:
    """Return a valid name that is similar to `value`."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", value).strip("-_") or "tool"
    return f"my-{plain}"[: rule["longest"]] if check_answer(plain, rule) else plain


def check_answers(name: str, owner: str, rules: dict[str, Rule]) -> Error | None:
    """Return the first error in the answers."""
    bad_name = check_answer(name, rules["NAME"]) if name else "NAME is missing"
    bad_owner = check_answer(owner, rules["OWNER"]) if owner else ""
    command = f"make rename NAME={suggest_name(name, rules['NAME']) if bad_name else name}"
    if bad_owner:
        return bad_name or bad_owner, f"{command}, with a valid OWNER or without"
    return (bad_name, f"{command}{owner and ' OWNER=' + owner}") if bad_name else None


def check_repository(data: dict[str, Any]) -> Error | None:
    """Return the first reason why the repository cannot be renamed."""
    if not shutil.which("git"):
        return "git is missing", "install git"
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=ROOT, capture_output=True, encoding="utf-8")
    if top.returncode or not os.path.samefile(top.stdout.rstrip("\n"), ROOT):
        reason = top.stderr.partition("\n")[0] or f"{ROOT} is part of {top.stdout.strip()}"
        return f"not a git repository: {reason}", "git init && git add --all && git commit -m Start"
    name = json.loads((ROOT / ".ebpf-new.json").read_text("utf-8"))["answers"]["name"]
    if name != data["name"]:
        return f"already renamed to {name!r}", f"git rm {' '.join(data['files'])}"
    changed = [line[3:] for line in git("status", "--porcelain").splitlines()]
    if changed:
        return f"uncommitted changes: {', '.join(changed[:5])}", "commit them, or git stash --include-untracked"
    return None


def replace_mark(patch: str, mark: str, value: str) -> str:
    r"""Return `patch` with `value` in place of `mark`, also where Markdown escapes `_` as `\_`."""
    return patch.replace(mark, value).replace(mark.replace("_", r"\_"), value.replace("_", r"\_"))


def rename(name: str, owner: str, data: dict[str, Any]) -> None:
    """Apply the patch, remove the files of the template, and commit."""
    patch = "\n".join([*data["patches"]["owner" if owner else "no owner"], ""])
    for key, value in (("NAME", name), ("OWNER", owner)):
        patch = replace_mark(patch, data["rules"][key]["mark"], value)
    for path in (ROOT / block for block in data["blocks"]):
        path.write_bytes(re.sub(BLOCK, b"", path.read_bytes(), count=1))
    git("apply", "--whitespace=nowarn", "-", text=patch)
    lock = ROOT / "Cargo.lock"
    if lock.exists():  # cargo requires the packages in sorted order
        head, *packages = lock.read_text("utf-8").strip().split("\n\n")
        own = next(package for package in packages if f'\nname = "{name}"\n' in package)
        packages.remove(own)
        insort(packages, own)
        lock.write_text("\n\n".join([head, *packages]) + "\n", "utf-8")
    git("rm", "--quiet", *data["files"])
    git("commit", "--quiet", "--all", "--message", f"Name the repository {name}")


def main() -> None:
    """Check everything, then rename the repository, or leave it unchanged."""
    data = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    answers = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    name, owner = answers.get("NAME", ""), answers.get("OWNER", "") or data["owner"]
    error = check_answers(name, owner, data["rules"]) or check_repository(data)
    if not error:
        try:
            rename(name, owner, data)
        except BaseException as failure:
            git("reset", "--quiet", "--hard")
            if not isinstance(failure, subprocess.CalledProcessError):
                raise
            error = (f"`git {failure.cmd[1]}` failed; nothing was changed", "fix the error above, then run it again")
    if error:  # GitHub shows lines that begin with ::error:: on the page of the run
        sys.exit(("::error::%s; %s" if "GITHUB_ACTIONS" in os.environ else "error: %s\nhint: %s") % error)
    print(f"The project is now {name}. `git push` publishes the commit.")


if __name__ == "__main__":
    main()
