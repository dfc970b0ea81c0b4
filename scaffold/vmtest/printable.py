# SPDX-License-Identifier: BSD-2-Clause
"""Show on a terminal what a program in the guest has said, whatever it was."""


def printable(text: str, most: int | None = None, replacement: str | None = None) -> str:
    r"""Return `text` with what is not printable in Python's notation (ESC as \x1b), and cut after `most` characters.

    A tab stays. Escape sequences, carriage returns, and marks that change the direction of writing do nothing then.
    With `replacement`, each character that is not printable becomes that text instead.
    """
    cut = text if most is None or len(text) <= most else f"{text[:most]}..."
    if cut.isprintable():
        return cut

    def shown(character: str) -> str:
        if character.isprintable() or character == "\t":
            return character
        return character.encode("unicode_escape").decode() if replacement is None else replacement

    return "".join(map(shown, cut))
