"""What is hedged, how, and whose accounts are ours."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Address, Token
from pmm.execution.hedging.routes import HedgeLimits
from pmm.execution.hedging.strategies import HedgeStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgedAsset:
    """An asset whose delta is hedged against ``quote``; ``holding_s``: how long a loan is thought to last."""

    asset: Token
    quote: Token
    strategy: HedgeStrategy
    limits: HedgeLimits = HedgeLimits()  # noqa: RUF009 - frozen
    holding_s: int = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgerPolicy:
    """Whose transactions are ours and what is hedged how.

    Attributes:
        accounts: every contract and wallet whose holdings are the desk's.
        max_attempts: how often a leg is tried before what was done is taken back.
        leg_blocks: how many blocks after its market a leg may still be mined; its prices are too old then.
        retry_after_ms: how long an asset rests after a hedge failed or no route was found.
    """

    accounts: frozenset[Address]
    assets: tuple[HedgedAsset, ...]
    max_attempts: int = 3
    leg_blocks: int = 25
    retry_after_ms: int = 10_000
