# SPDX-License-Identifier: BSD-2-Clause
"""Show on a terminal what a program in the guest has said, whatever it was."""


def printable(text: str, most: int | None = None) -> str:
    r"""Return `text` with what is not printable in Python's notation (ESC as \x1b), and cut after `most` characters.

    A tab stays. Escape sequences, carriage returns, and marks that change the direction of writing do nothing then.
    """
    cut = text if most is None or len(text) <= most else f"{text[:most]}..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in cut)
