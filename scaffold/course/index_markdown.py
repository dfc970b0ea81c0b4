# SPDX-License-Identifier: BSD-2-Clause
"""The text of a course's index.md, in the language of the course."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scaffold.course.entry import Entry
from scaffold.errors import TemplateError
from scaffold.project.catalog import templates_directory
from scaffold.testing.report.markdown import escaped

TEXTS = "_course"  # the directory in the templates; it has a file LANGUAGE.toml for each language
HASH_DIGITS = 10
FOR_EACH_LINE = "tail -n +2 index.csv | while IFS=, read -r row name framework program path owner rest; do"
CREATE = f"""```sh
{FOR_EACH_LINE}
    [ ! -d "$path" ] || gh repo create "${{owner:-OWNER}}/$name" --private --source "$path" --push </dev/null
done
```"""
PUSH = f"""```sh
{FOR_EACH_LINE}
    [ ! -d "$path" ] || git -C "$path" push "https://github.com/${{owner:-OWNER}}/$name.git" HEAD </dev/null
done
```"""


def index_markdown(entries: Sequence[Entry], lang: str) -> str:
    """Return the Markdown page that lists `entries`, in the language `lang`.

    The commands that push to GitHub are on the page only if a repository has a commit.

    Raises:
        TemplateError: the texts of this language are missing or invalid.
    """
    texts = _read_texts(lang)
    statuses = texts["statuses"]
    numbers = Counter(entry.status for entry in entries)
    counts = ", ".join(f"{number} {statuses[status]}" for status, number in numbers.items())
    existing = sum(entry.exists for entry in entries)
    table = [
        f"| {' | '.join(texts['columns'])} |",
        "|---:|---|---|---|---|---|",
        *(_table_row(entry, statuses) for entry in entries),
    ]
    parts = [
        f"# {texts['title']}",
        texts["there"].format(there=existing, all=len(entries), counts=counts),
        "\n".join(table),
        texts["note"],
    ]
    push = texts["push"].replace("{create}", CREATE).replace("{push}", PUSH)
    return "\n\n".join(parts) + "\n" + (push if any(entry.commit for entry in entries) else "")


def _table_row(entry: Entry, statuses: Mapping[str, str]) -> str:
    name = f"[{escaped(entry.name)}]({entry.path}/)" if entry.exists else escaped(entry.name)
    row = "" if entry.row is None else str(entry.row)
    commit = entry.commit[:HASH_DIGITS]
    cells = (row, name, entry.framework, escaped(entry.author), statuses[entry.status], commit)
    return f"| {' | '.join(cells)} |"


def _read_texts(lang: str) -> dict[str, Any]:
    path = templates_directory() / TEXTS / f"{lang}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(f"cannot read {path}: {error}") from error
