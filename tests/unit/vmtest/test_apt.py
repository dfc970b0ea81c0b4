# SPDX-License-Identifier: BSD-2-Clause
"""Where a kernel is looked for, in which order, and what is said when there is none."""

import pytest

from scaffold.vmtest import apt, available
from scaffold.vmtest.apt import Suite, candidate_suites

MIRROR = "http://mirror.invalid/debian/"


def suites(*names: str) -> list[Suite]:
    return [Suite(MIRROR, name) for name in names]


@pytest.mark.parametrize(
    ("own", "series", "first"),
    [
        (("bookworm", "bookworm-updates", "bookworm-security"), "6.1", "bookworm-security"),
        (("bookworm", "bookworm-updates"), "6.12", "trixie"),
        (("bookworm",), "5.10", "bullseye"),
        (("bookworm",), "7.2", "bookworm"),
        (("noble", "noble-updates"), "6.8", "noble-updates"),
        (("noble", "noble-updates"), "5.15", "jammy-updates"),
    ],
)
def test_the_likeliest_suite_comes_first(
    monkeypatch: pytest.MonkeyPatch, own: tuple[str, ...], series: str, first: str
) -> None:
    monkeypatch.setattr(apt, "own_suites", lambda: suites(*own))
    found = candidate_suites(series)
    assert found[0].name == first
    assert len({suite.name for suite in found}) == len(found)
    assert set(own) <= {suite.name for suite in found}


def test_6_1_is_not_6_12() -> None:
    assert available.matches("6.1", "6.1.0-56-cloud-amd64")
    assert not available.matches("6.1", "6.12.107+deb13-cloud-amd64")
    assert available.matches("6.12.107+deb13-cloud-amd64", "6.12.107+deb13-cloud-amd64")


def test_the_newest_release_is_not_the_last_in_the_alphabet() -> None:
    releases = ["6.12.94+deb12-cloud-amd64", "6.12.107+deb12-cloud-amd64", "6.12.9+deb12-cloud-amd64"]
    assert max(releases, key=available.version_key) == "6.12.107+deb12-cloud-amd64"


def test_what_the_archive_has_instead_is_said() -> None:
    message = available.not_available_message("6.1", {"6.8", "6.11", "5.15"}, [])
    assert "has no kernel 6.1; it has 5.15, 6.8, 6.11" in message
    assert "--kernel" in message and "make in-container" in message


def test_an_archive_that_cannot_be_reached_says_why() -> None:
    message = available.not_available_message("6.1", set(), ["apt-get update for bookworm: E: no network"])
    assert message == "kernel 6.1 cannot be fetched: apt-get update for bookworm: E: no network"
