# SPDX-License-Identifier: BSD-2-Clause
"""What keeps a verdict from being reached at all."""


class InfrastructureError(Exception):
    """This machine cannot run the test: no QEMU, no such kernel, no room. Exit code 69."""


class ManifestError(Exception):
    """`vmtest.toml` or the command line is wrong. Exit code 2."""


class GuestLostError(InfrastructureError):
    """The guest never came up; `console` is what its kernel said."""

    def __init__(self, message: str, console: bytes) -> None:
        super().__init__(message)
        self.console = console
