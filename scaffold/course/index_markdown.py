# SPDX-License-Identifier: BSD-2-Clause
"""index.md of a course: a page for people, in the language of the course."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scaffold.errors import TemplateError
from scaffold.project.catalog import templates_directory
from scaffold.testing.report.markdown import escaped

if TYPE_CHECKING:
    from scaffold.course.index import Entry

TEXTS = "_course"  # in the templates: the words by language
EACH = "tail -n +2 index.csv | while IFS=, read -r row name framework program path owner rest; do"
CREATE = f"""```sh
{EACH}
    [ ! -d "$path" ] || gh repo create "${{owner:-OWNER}}/$name" --private --source "$path" --push </dev/null
done
```"""
PUSH = f"""```sh
{EACH}
    [ ! -d "$path" ] || git -C "$path" push "https://github.com/${{owner:-OWNER}}/$name.git" HEAD </dev/null
done
```"""


def index_markdown(entries: Sequence["Entry"], lang: str) -> str:
    """Return the page that lists `entries`, in the language `lang`.

    Raises:
        TemplateError: there are no words of that language.
    """
    words = _words(lang)
    statuses = words["statuses"]
    counts = Counter(entry.status for entry in entries)
    said = ", ".join(f"{number} {statuses[status]}" for status, number in counts.items())
    there = words["there"].format(there=sum(entry.there for entry in entries), all=len(entries), counts=said)
    table = [
        f"| {' | '.join(words['columns'])} |",
        "|---:|---|---|---|---|---|",
        *(_row(entry, statuses) for entry in entries),
    ]
    parts = [f"# {words['title']}", there, "\n".join(table), words["note"]]
    push = words["push"].replace("{create}", CREATE).replace("{push}", PUSH)
    return "\n\n".join(parts) + "\n" + (push if any(entry.commit for entry in entries) else "")


def _row(entry: "Entry", statuses: Mapping[str, str]) -> str:
    name = f"[{escaped(entry.name)}]({entry.path}/)" if entry.there else escaped(entry.name)
    row = "" if entry.row is None else str(entry.row)
    cells = (row, name, entry.framework, escaped(entry.author), statuses[entry.status], entry.commit[:10])
    return f"| {' | '.join(cells)} |"


def _words(lang: str) -> dict[str, Any]:
    path = templates_directory() / TEXTS / f"{lang}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(f"{path}: {error}") from error
