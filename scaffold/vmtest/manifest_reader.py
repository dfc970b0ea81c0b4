# SPDX-License-Identifier: BSD-2-Clause
"""Read typed values from a parsed TOML file and collect the errors of all of them."""

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
MAX_VALUE_CHARACTERS = 60  # of an invalid value in a message
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class Syntax:
    """The syntax of a string, as a regular expression and in words."""

    pattern: re.Pattern[str]
    description: str


class ManifestReader:
    """Each method returns a value of its type for TABLE.KEY, even if the file is invalid; `errors` tells."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.errors: dict[str, str] = {}  # by TABLE or TABLE.KEY
        self.known: dict[str, list[str]] = {}  # the keys of each table

    def text(self, table: str, key: str, default: str | None = None) -> str:
        """Return one line of text that is not blank."""

        def is_valid(value: Any) -> bool:
            return _is_string(value) and bool(value.strip(" \t"))

        return str(self._value(table, key, default, is_valid, "a line of text", fallback=""))

    def strings(
        self,
        table: str,
        key: str,
        default: Sequence[str] | None = None,
        min_length: int = 1,
        syntax: Syntax | None = None,
    ) -> tuple[str, ...]:
        """Return a list of strings without control characters, each with the given `syntax`."""

        def is_valid(value: Any) -> bool:
            are_strings = isinstance(value, list) and len(value) >= min_length and all(map(_is_string, value))
            return are_strings and (syntax is None or all(syntax.pattern.fullmatch(item) for item in value))

        expected = 'a list of strings, such as ["a", "b"]' + (f", each {syntax.description}" if syntax else "")
        return tuple(self._value(table, key, default, is_valid, expected, fallback=()))

    def number(self, table: str, key: str, default: float, minimum: float, maximum: float) -> float:
        """Return a number from `minimum` to `maximum`."""

        def is_valid(value: Any) -> bool:
            return _is_number(value) and minimum <= value <= maximum

        expected = f"a number from {minimum} to {maximum}"
        return float(self._value(table, key, default, is_valid, expected, fallback=default))

    def integer(self, table: str, key: str, default: int, minimum: int, maximum: int) -> int:
        """Return an integer from `minimum` to `maximum`."""

        def is_valid(value: Any) -> bool:
            return _is_integer(value, minimum, maximum)

        expected = f"an integer from {minimum} to {maximum}"
        return int(self._value(table, key, default, is_valid, expected, fallback=default))

    def integers(self, table: str, key: str, default: Sequence[int], minimum: int, maximum: int) -> tuple[int, ...]:
        """Return a list of integers from `minimum` to `maximum`; a single integer is a list of one."""

        def is_valid(value: Any) -> bool:
            numbers = value if isinstance(value, list) else [value]
            return bool(numbers) and all(_is_integer(number, minimum, maximum) for number in numbers)

        expected = f"an integer from {minimum} to {maximum}, or a list of them"
        value = self._value(table, key, default, is_valid, expected, fallback=default)
        return tuple(map(int, value if isinstance(value, (list, tuple)) else [value]))

    def choice(self, table: str, key: str, default: Choice) -> Choice:
        """Return a member of the enum that `default` belongs to."""
        choices = type(default)
        expected = f"one of {', '.join(choices)}"
        return choices(
            self._value(table, key, default, lambda value: value in list(choices), expected, fallback=default)
        )

    def pattern(self, table: str, key: str) -> re.Pattern[str]:
        """Return a regular expression of Python."""
        text = self.text(table, key)
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            self._add_error(f"{table}.{key}", f": invalid regular expression for Python: {error}")
            return re.compile("")

    def is_valid(self, *names: str) -> bool:
        """Return whether none of `names` (each TABLE.KEY) has an error."""
        return not any(name in self.errors or name.partition(".")[0] in self.errors for name in names)

    def unknown_names(self) -> list[str]:
        """Return an error for each table and key of the file that no method has read."""
        errors = []
        for table, section in self.data.items():
            keys = self.known.get(table)
            if keys is None:
                errors.append(_unknown(f"[{table}]", table, list(self.known), "the file has the tables"))
            elif isinstance(section, dict):
                unknown = [key for key in section if key not in keys]
                errors += [_unknown(f"{table}.{key}", key, keys, f"[{table}] has the keys") for key in unknown]
        return errors

    def _value(
        self, table: str, key: str, default: Any, is_valid: Callable[[Any], bool], expected: str, fallback: Any
    ) -> Any:
        """Return the value if it is valid, `default` if the key is missing, `fallback` after an error.

        The key is required if `default` is None.
        """
        self.known.setdefault(table, []).append(key)
        section = self.data.get(table, {})
        if not isinstance(section, dict):
            self._add_error(table, f": expected a table [{table}], got {_shorten(section)}")
        elif key in section and not is_valid(section[key]):
            self._add_error(f"{table}.{key}", f": expected {expected}, got {_shorten(section[key])}")
        elif key not in section and default is None:
            self._add_error(f"{table}.{key}", f" is missing: expected {expected}")
        else:
            return section.get(key, default)
        return fallback

    def _add_error(self, name: str, message: str) -> None:
        self.errors.setdefault(name, name + message)


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not CONTROL_CHARACTERS.search(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any, minimum: int, maximum: int) -> bool:
    return _is_number(value) and minimum <= value <= maximum and value == int(value)


def _shorten(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}..."


def _unknown(name: str, word: str, known: list[str], introduction: str) -> str:
    similar = difflib.get_close_matches(word, known, n=1)
    suggestion = f"did you mean {similar[0]}? " if similar else ""
    return f"{ascii(name)[1:-1]} is unknown: {suggestion}{introduction} {', '.join(known)}"
