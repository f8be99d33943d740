"""How the desk's transactions are sent: limits and patience."""

from __future__ import annotations

from dataclasses import dataclass, field

from pmm.chain.sender.fees import FeePolicy
from pmm.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPolicy:
    """How transactions are sent.

    Attributes:
        fees: what is paid per gas.
        gas_margin_bps: gas limit on top of the estimate.
        most_gas: the highest gas limit; above it an intent is refused.
        confirmations: blocks, its own included, until what was mined is final.
        replace_after_blocks: how long an attempt waits before it is replaced.
        most_missing_nonces: nonces that may be missing between chain and records when the sender starts.
    """

    fees: FeePolicy = field(default_factory=FeePolicy)
    gas_margin_bps: int = 2_000
    most_gas: int = 10_000_000
    confirmations: int = 12
    replace_after_blocks: int = 3
    most_missing_nonces: int = 16

    def __post_init__(self) -> None:
        if self.confirmations < 1 or self.replace_after_blocks < 1 or self.gas_margin_bps < 0:
            raise InvalidInput(
                "sender: expected at least one confirmation, a replacement after at least one block and no negative "
                f"margin, found {self.confirmations}, {self.replace_after_blocks} and {self.gas_margin_bps}"
            )
