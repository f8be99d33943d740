"""What the fixtures of the protocol tests hand out."""

from __future__ import annotations

from typing import Protocol


class Hold(Protocol):
    """Let the trader hold so many base units of a token, and ``spender`` pull them."""

    def __call__(self, token: str, amount: int, *, spender: str) -> None: ...


class BalanceOf(Protocol):
    """Read a token balance in base units."""

    def __call__(self, token: str, account: str, /) -> int: ...


class DeployBorrower(Protocol):
    """Deploy a flash borrower; with ``repays=False`` it keeps the loan."""

    def __call__(self, *, repays: bool = True) -> str: ...
