# SPDX-License-Identifier: BSD-2-Clause
"""What a text says that one sees, against what is seen: the same, but for what differs from run to run."""

import re

# `...` stands for what was left out: within a line, or for any number of lines.
LEFT_OUT = "..."
# What may differ, and what may stand in its place. Where that is None it is an id: the same one has the same value
# wherever it stands.
DIFFERS: list[tuple[str, str | None]] = [
    (r"^\S+-(?=\d+ +\[\d{3}\])", r".{1,16}-"),  # the process of an event
    (r"(?<=\[)\d{3}\] \S{5} +\d+\.\d{6}:", r"\d{3}\] \S+ +\d+\.\d+:"),  # its processor, state and time
    (r"(?<=PID )\d+", None),
    (r"(tcg|kvm), (saved guest|booted): \d+\.\d s", r"(?:tcg|kvm), (?:saved guest|booted): \d+\.\d s"),
    (r"\d+\.\d+\.\d+[\w.+~]*-[\w.+~-]+", r"\d+\.\d+[\w.+~-]+"),  # of a kernel
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+\d{4}", r"[\dT:+-]+"),
    (r"(?<=tag |est-)[0-9a-f]{16}", r"[0-9a-f]{16}"),  # of a BPF program, of a line of vmtest's
    (r"\d+ files, commit [0-9a-f]{7,}", r"\d+ files, commit [0-9a-f]{7,}"),
    (r"\d+: \([0-9a-f]{2}\) (?=call )", r"\d+: \([0-9a-f]{2}\) "),
    (r"\d+: \([0-9a-f]{2}\) if .* goto pc\S+", r"\d+: \([0-9a-f]{2}\) if .* goto pc\S+"),
    (r"\d+: \([0-9a-f]{2}\) r\d = ", r"\d+: \([0-9a-f]{2}\) [rw]\d = "),
    (r"\d+: \([0-9a-f]{2}\) ", r"\d+: \([0-9a-f]{2}\) "),
    (r"\b[rR]\d\b", r"[rR]\d"),  # registers
    (r"#-?\d{4,}", r"#-?\d+"),  # where a function of the kernel is
    (r"(?<=type_id=)\d+|(?<=^\[)\d+(?=\])", r"\d+"),  # in BTF
    (r"(?<=Makefile:)\d+", r"\d+"),
    (r"\b\d+B\b", r"\d+B"),
    (r"(?<=run_time_ns )\d+|(?<=run_cnt )\d+|\d+(?= writes seen)|(?<=\"writes\": )\d+", r"\d+"),
    (r"\d+\.\d+", r"\d+\.\d+"),
    (r"\.\.\.", ".*"),
    (r"\b\d{3,}\b", None),
]
TOKEN = re.compile("|".join(f"(?P<t{number}>{what})" for number, (what, _) in enumerate(DIFFERS)))


def expected(shown: str, known: dict[str, str]) -> re.Pattern[str]:
    """Return the expression that matches all lines of what is seen; `known` has ids of the text with their values."""
    parts = []
    for line in shown.strip("\n").splitlines():
        if line.strip() == LEFT_OUT:
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[ \t]*" + _line(line.strip(), known, "".join(parts)) + r"[ \t]*\n")
    return re.compile("".join(parts))


def learn(match: re.Match[str], known: dict[str, str]) -> None:
    """Add the ids that `match` has found to `known`."""
    known.update({name[1:]: value for name, value in match.groupdict().items() if value})


def with_known(text: str, known: dict[str, str]) -> str:
    """Return `text` with the ids that are known replaced by their values."""
    return re.sub(r"\b\d{3,}\b", lambda number: known.get(number[0], number[0]), text)


def _line(line: str, known: dict[str, str], before: str) -> str:
    expression, position = "", 0
    for token in TOKEN.finditer(line):
        expression += _literally(line[position : token.start()])
        position = token.end()
        instead = DIFFERS[int((token.lastgroup or "t0")[1:])][1]
        expression += _id(token[0], known, before + expression) if instead is None else instead
    return expression + _literally(line[position:])


def _literally(text: str) -> str:
    # Columns are as wide as what stands in them.
    return re.sub(r"(?:\\[ \t])+", r"[ \\t]+", re.escape(text))


def _id(number: str, known: dict[str, str], before: str) -> str:
    if number in known:
        return re.escape(known[number])
    return f"(?P=n{number})" if f"(?P<n{number}>" in before else f"(?P<n{number}>\\d+)"
