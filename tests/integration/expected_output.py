# SPDX-License-Identifier: BSD-2-Clause
"""Compare the output that a text shows with real output, except for what differs from run to run."""

import re

# Matches any text within a line; alone on a line, any number of lines.
ELLIPSIS = "..."
# A part of the shown text that may differ, and a pattern for the real text. None: an id, which must have the same
# value everywhere.
VARIABLE_PARTS: list[tuple[str, str | None]] = [
    (r"^\S+-(?=\d+ +\[\d{3}\])", r".{1,16}-"),  # the name of an event's process
    (r"(?<=\[)\d{3}\] \S{5} +\d+\.\d{6}:", r"\d{3}\] \S+ +\d+\.\d+:"),  # the processor, flags and time of an event
    (r"(?<=PID )\d+", None),
    (r"(tcg|kvm), (saved guest|booted): \d+\.\d s", r"(?:tcg|kvm), (?:saved guest|booted): \d+\.\d s"),
    (r"\d+\.\d+\.\d+[\w.+~]*-[\w.+~-]+", r"\d+\.\d+[\w.+~-]+"),  # a kernel release
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+\d{4}", r"[\dT:+-]+"),
    (r"(?<=tag |est-)[0-9a-f]{16}", r"[0-9a-f]{16}"),  # the tag of a BPF program, the mark in vmtest's lines
    (r"\d+ files, commit [0-9a-f]{7,}", r"\d+ files, commit [0-9a-f]{7,}"),
    (r"\d+: \([0-9a-f]{2}\) (?=call )", r"\d+: \([0-9a-f]{2}\) "),
    (r"\d+: \([0-9a-f]{2}\) if .* goto pc\S+", r"\d+: \([0-9a-f]{2}\) if .* goto pc\S+"),
    (r"\d+: \([0-9a-f]{2}\) r\d = ", r"\d+: \([0-9a-f]{2}\) [rw]\d = "),
    (r"\d+: \([0-9a-f]{2}\) ", r"\d+: \([0-9a-f]{2}\) "),
    (r"\b[rR]\d\b", r"[rR]\d"),  # registers
    (r"#-?\d{4,}", r"#-?\d+"),  # the address of a kernel function
    (r"(?<=type_id=)\d+|(?<=^\[)\d+(?=\])", r"\d+"),  # type ids in BTF
    (r"(?<=Makefile:)\d+", r"\d+"),
    (r"\b\d+B\b", r"\d+B"),
    (r"(?<=run_time_ns )\d+|(?<=run_cnt )\d+|\d+(?= writes counted)|(?<=\"writes\": )\d+", r"\d+"),
    (r"\d+\.\d+", r"\d+\.\d+"),
    (r"\.\.\.", ".*"),
    (r"\b\d{3,}\b", None),
]
TOKEN = re.compile("|".join(f"(?P<t{number}>{part})" for number, (part, _) in enumerate(VARIABLE_PARTS)))


def output_pattern(text: str, ids: dict[str, str]) -> re.Pattern[str]:
    """Return a pattern for output that is as in `text`; `ids` maps ids in the text to real ones."""
    parts = []
    for line in text.strip("\n").splitlines():
        if line.strip() == ELLIPSIS:
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[ \t]*" + _line_pattern(line.strip(), ids, "".join(parts)) + r"[ \t]*\n")
    return re.compile("".join(parts))


def learn_ids(match: re.Match[str], ids: dict[str, str]) -> None:
    """Add the ids in `match`, a match of an output pattern, to `ids`."""
    ids.update({name[1:]: value for name, value in match.groupdict().items() if value})


def fill_in_ids(text: str, ids: dict[str, str]) -> str:
    """Return `text` with each id that is in `ids` replaced by its real value."""
    return re.sub(r"\b\d{3,}\b", lambda number: ids.get(number[0], number[0]), text)


def _line_pattern(line: str, ids: dict[str, str], before: str) -> str:
    expression, position = "", 0
    for token in TOKEN.finditer(line):
        expression += _literal_pattern(line[position : token.start()])
        position = token.end()
        replacement = VARIABLE_PARTS[int((token.lastgroup or "t0")[1:])][1]
        expression += _id_pattern(token[0], ids, before + expression) if replacement is None else replacement
    return expression + _literal_pattern(line[position:])


def _literal_pattern(text: str) -> str:
    # The width of a column depends on its values.
    return re.sub(r"(?:\\[ \t])+", r"[ \\t]+", re.escape(text))


def _id_pattern(number: str, ids: dict[str, str], before: str) -> str:
    if number in ids:
        return re.escape(ids[number])
    return f"(?P=n{number})" if f"(?P<n{number}>" in before else f"(?P<n{number}>\\d+)"
