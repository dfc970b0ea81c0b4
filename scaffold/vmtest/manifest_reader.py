# SPDX-License-Identifier: BSD-2-Clause
"""Take values out of a parsed TOML file, and collect what is wrong with all of them."""

import difflib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SHOWN = 60  # characters of a wrong value
Form = tuple[re.Pattern[str], str]


class Reader:
    """Every method returns a value of its type, whatever the file holds; `wrong` has the complaints then."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.wrong: dict[str, str] = {}  # by TABLE or TABLE.KEY
        self.known: dict[str, list[str]] = {}

    def text(self, table: str, key: str, default: str | None = None) -> str:
        """Return a line of text that is not blank."""

        def fits(value: Any) -> bool:
            return _is_word(value) and bool(value.strip(" \t"))

        return str(self._value(table, key, default, fits, "a line of text", otherwise=""))

    def words(
        self, table: str, key: str, default: Sequence[str] | None = None, at_least: int = 1, form: Form | None = None
    ) -> tuple[str, ...]:
        """Return a list of texts without control characters, each as `form` (a pattern, and in words) has it."""

        def fits(value: Any) -> bool:
            words = isinstance(value, list) and len(value) >= at_least and all(map(_is_word, value))
            return words and (form is None or all(form[0].fullmatch(word) for word in value))

        allowed = 'a list of texts, such as ["a", "b"]' + (f", each {form[1]}" if form else "")
        return tuple(self._value(table, key, default, fits, allowed, otherwise=()))

    def number(self, table: str, key: str, default: float, lowest: float, highest: float) -> float:
        """Return a number between `lowest` and `highest`."""

        def fits(value: Any) -> bool:
            return _is_number(value) and lowest <= value <= highest

        return float(self._value(table, key, default, fits, f"a number from {lowest} to {highest}", otherwise=default))

    def integer(self, table: str, key: str, default: int, lowest: int, highest: int) -> int:
        """Return a whole number between `lowest` and `highest`."""

        def fits(value: Any) -> bool:
            return _is_whole(value, lowest, highest)

        allowed = f"a whole number from {lowest} to {highest}"
        return int(self._value(table, key, default, fits, allowed, otherwise=default))

    def integers(self, table: str, key: str, default: Sequence[int], lowest: int, highest: int) -> tuple[int, ...]:
        """Return the whole numbers of a list; a number alone is a list of one."""

        def fits(value: Any) -> bool:
            numbers = value if isinstance(value, list) else [value]
            return bool(numbers) and all(_is_whole(number, lowest, highest) for number in numbers)

        allowed = f"a whole number from {lowest} to {highest}, or a list of such"
        value = self._value(table, key, default, fits, allowed, otherwise=default)
        return tuple(map(int, value if isinstance(value, (list, tuple)) else [value]))

    def choice(self, table: str, key: str, choices: Sequence[str]) -> str:
        """Return one of `choices`, of which the first is the default."""
        allowed = f"one of {', '.join(choices)}"
        return str(self._value(table, key, choices[0], lambda value: value in choices, allowed, otherwise=choices[0]))

    def pattern(self, table: str, key: str) -> re.Pattern[str]:
        """Return a regular expression."""
        text = self.text(table, key)
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            self._complain(f"{table}.{key}", f"is no regular expression of Python's: {error}")
            return re.compile("")

    def sound(self, *names: str) -> bool:
        """Tell whether nothing is wrong with any of `names`, each TABLE.KEY."""
        return not any(name in self.wrong or name.partition(".")[0] in self.wrong for name in names)

    def unknown(self) -> list[str]:
        """Return a complaint about every table and key that no one asked for."""
        complaints = []
        for table, section in self.data.items():
            keys = self.known.get(table)
            if keys is None:
                complaints.append(_not_known(f"[{table}]", table, list(self.known), "the file has the tables"))
            elif isinstance(section, dict):
                strange = [key for key in section if key not in keys]
                complaints += [_not_known(f"{table}.{key}", key, keys, f"[{table}] takes") for key in strange]
        return complaints

    def _value(
        self, table: str, key: str, default: Any, fits: Callable[[Any], bool], allowed: str, otherwise: Any
    ) -> Any:
        """Return the value that `fits`; `default` when there is none, `otherwise` beside a complaint."""
        self.known.setdefault(table, []).append(key)
        section = self.data.get(table, {})
        if not isinstance(section, dict):
            self._complain(table, f"is {_shown(section)}, but must be a table: [{table}]")
        elif key in section and not fits(section[key]):
            self._complain(f"{table}.{key}", f"is {_shown(section[key])}, but must be {allowed}")
        elif key not in section and default is None:
            self._complain(f"{table}.{key}", f"is missing: it must be {allowed}")
        else:
            return section.get(key, default)
        return otherwise

    def _complain(self, where: str, what: str) -> None:
        self.wrong.setdefault(where, f"{where} {what}")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not CONTROLS.search(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any, lowest: int, highest: int) -> bool:
    return _is_number(value) and lowest <= value <= highest and value == int(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _not_known(what: str, name: str, names: list[str], these: str) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{ascii(what)[1:-1]} is not known: {hint}{these} {', '.join(names)}"
