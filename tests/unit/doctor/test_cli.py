# SPDX-License-Identifier: BSD-2-Clause
"""The doctor's own command line, which `make doctor` calls in a repository."""

import sys
from pathlib import Path

import pytest

from scaffold.doctor.cli import main

INVALID_NEEDS = {
    "no file": None,
    "invalid TOML": "[clang\n",
    "no package": "[clang]\n",
    "no file with the minimum version": "[go]\npackage = 'x'\nleast_in = { file = 'go.mod', line = 'x' }\n",
}


@pytest.mark.parametrize("case", INVALID_NEEDS)
def test_other_directory_is_wrong_usage(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if (needs := INVALID_NEEDS[case]) is not None:
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools/needs.toml").write_text(needs)
    monkeypatch.setattr(sys, "argv", ["doctor", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    printed = capsys.readouterr()
    assert not printed.out
    assert f"{tmp_path} is not a repository created by ebpf-new: " in printed.err
