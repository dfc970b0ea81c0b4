# SPDX-License-Identifier: BSD-2-Clause
"""Make the output of programs safe to print on a terminal."""


def printable(text: str, max_length: int | None = None) -> str:
    r"""Return `text` with unprintable characters in Python's notation (ESC as \x1b), cut after `max_length` characters.

    Tabs are kept. Escape sequences, carriage returns and marks that change the direction of writing have no effect.
    """
    cut = text if max_length is None or len(text) <= max_length else f"{text[:max_length]}..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in cut)
