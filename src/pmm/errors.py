"""Errors, grouped by who must act.

Every message says what was expected, what was found and what to do. Expected business refusals are return
values (``Decision``), not exceptions. The command line turns a ``PmmError`` into one line and ``exit_code``.
"""


class PmmError(Exception):
    """Root of all errors that pmm raises on purpose."""

    exit_code = 1


class InvalidInput(PmmError, ValueError):
    """The caller must change the input: a malformed order, token, amount, option or file."""

    exit_code = 2


class SetupError(PmmError):
    """The operator must fix the machine: a missing tool, a port in use, a full disk, an unbuilt contract."""


class ChainError(PmmError):
    """A node answered with an error, answered nonsense or did not answer in time."""


class UnsafeToSign(PmmError):
    """Signing was refused because the chain, the key or the deployed code is not what it must be."""


class InvariantViolated(PmmError):
    """State that must be impossible was observed: stop and investigate."""
