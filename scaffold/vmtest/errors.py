# SPDX-License-Identifier: BSD-2-Clause
"""The exceptions of the runner: what prevents a verdict."""


class VmtestError(Exception):
    """An error with a message (what is wrong with which input) and a hint (the command or change that fixes it)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and the hint in one line, as the reason of a verdict needs them."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InfrastructureError(VmtestError):
    """This machine cannot run the test: QEMU, the kernel or memory is missing. Exit status 69."""


class ManifestError(VmtestError):
    """`vmtest.toml` or a file that it names is invalid. Exit status 2."""


class BootError(InfrastructureError):
    """The guest did not boot; `console` is what its kernel printed."""

    def __init__(self, message: str, console: bytes, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.console = console
