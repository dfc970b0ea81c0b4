# SPDX-License-Identifier: BSD-2-Clause
"""Make the output of programs safe to print on a terminal."""


def printable(text: str, max_length: int | None = None, replacement: str | None = None) -> str:
    r"""Return `text` with unprintable characters in Python's notation (ESC as \x1b), cut after `max_length` characters.

    Tabs are kept. Escape sequences, carriage returns and marks that change the direction of writing have no effect.
    With `replacement`, each unprintable character becomes that text instead.
    """
    cut = text if max_length is None or len(text) <= max_length else f"{text[:max_length]}..."
    if cut.isprintable():
        return cut

    def shown(character: str) -> str:
        if character.isprintable() or character == "\t":
            return character
        return character.encode("unicode_escape").decode() if replacement is None else replacement

    return "".join(map(shown, cut))
