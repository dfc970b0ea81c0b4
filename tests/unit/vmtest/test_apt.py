# SPDX-License-Identifier: BSD-2-Clause
"""The order in which suites are searched for a kernel, and the error if none has it."""

import pytest

from scaffold.vmtest import apt, available
from scaffold.vmtest.apt import Suite, candidate_suites

MIRROR = "http://mirror.invalid/debian/"


def suites(*names: str) -> list[Suite]:
    return [Suite(MIRROR, name) for name in names]


@pytest.mark.parametrize(
    ("configured", "series", "first"),
    [
        (("bookworm", "bookworm-updates", "bookworm-security"), "6.1", "bookworm-security"),
        (("bookworm", "bookworm-updates"), "6.12", "trixie"),
        (("bookworm",), "5.10", "bullseye"),
        (("bookworm",), "7.2", "bookworm"),
        (("noble", "noble-updates"), "6.8", "noble-updates"),
        (("noble", "noble-updates"), "5.15", "jammy-updates"),
    ],
)
def test_the_most_likely_suite_comes_first(
    monkeypatch: pytest.MonkeyPatch, configured: tuple[str, ...], series: str, first: str
) -> None:
    monkeypatch.setattr(apt, "configured_suites", lambda: suites(*configured))
    names = [suite.name for suite in candidate_suites(series)]
    assert names[0] == first
    assert len(set(names)) == len(names)
    assert set(configured) <= set(names)


def test_version_6_1_does_not_match_6_12() -> None:
    assert available.matches_version("6.1", "6.1.0-56-cloud-amd64")
    assert not available.matches_version("6.1", "6.12.107+deb13-cloud-amd64")
    assert available.matches_version("6.12.107+deb13-cloud-amd64", "6.12.107+deb13-cloud-amd64")


def test_releases_are_ordered_by_number() -> None:
    releases = ["6.12.94+deb12-cloud-amd64", "6.12.107+deb12-cloud-amd64", "6.12.9+deb12-cloud-amd64"]
    assert max(releases, key=available.version_key) == "6.12.107+deb12-cloud-amd64"


def test_a_missing_kernel_names_the_available_series() -> None:
    error = available.not_available_error("6.1", {"6.8", "6.11", "5.15"}, [])
    assert "kernel 6.1 not found" in error.message and "5.15, 6.8, 6.11" in error.message
    assert "--kernel" in error.hint and "make in-container" in error.hint


def test_an_unreachable_archive_gives_the_reason() -> None:
    error = available.not_available_error("6.1", set(), ["apt-get update for bookworm: E: no network"])
    assert "kernel 6.1" in error.message and "apt-get update for bookworm: E: no network" in error.message
