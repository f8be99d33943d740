"""What the desk knows of the chain at one block: market, balances, lanes, spent nonces, the node itself."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from pmm.domain import Address
from pmm.pricing import MarketSnapshot


class Settlement(StrEnum):
    """The contract a quote is signed for; the value is what requests, answers and the journal say."""

    ONEINCH = "1inch"
    PMM = "pmm"
    OKX = "okx"


_WORD_BITS = 256
_WORD_MASK = (1 << _WORD_BITS) - 1
CONTRACT_VENUES = (Settlement.ONEINCH, Settlement.PMM)
"""Venues on which our settlement contract is the maker."""


class NonceKey(NamedTuple):
    """One nonce, unique within its settlement, signer and lane.

    On 1inch's domain all signers and lanes of the maker share one counter: there ``signer`` is the zero address
    and ``lane`` is 0. On OKX's, where the relayer gives the nonce, ``signer`` is the maker, ``lane`` the high 24 of
    its 64 bits and ``nonce`` the low 40.
    """

    settlement: Settlement
    signer: Address
    lane: int
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """One (signer, lane) word of the settlement contract; see contracts/README.md.

    ``caps`` tells that what leaves is counted: on 1inch's contract by RouterHooks, which an order must name then.
    """

    lane: int
    authorised: bool
    paused: bool
    epoch: int
    base: int
    window: int
    max_expiry_s: int
    caps: bool = False

    def is_dead(self, nonce: int) -> bool:
        """Tell whether the nonce is spent or has fallen out of the window."""
        return nonce < self.base or bool(self.window >> (nonce - self.base) & 1)

    def dead_bits(self, index: int) -> int:
        """Return which of the 256 nonces from ``index * 256`` on are dead, the lowest in the lowest bit."""
        below = self.base - index * _WORD_BITS
        passed = (1 << min(max(below, 0), _WORD_BITS)) - 1
        spent = self.window << below if below >= 0 else self.window >> -below
        return (passed | spent) & _WORD_MASK if below < _WORD_BITS else _WORD_MASK

    @property
    def next_unused(self) -> int:
        """Lowest nonce above every dead one."""
        return self.base + self.window.bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerAccount:
    """An account of ours that makes orders by itself, without the settlement contract.

    Attributes:
        address: maker and signer.
        spendable: per token, what the contract that settles its orders could take: the lesser of balance and
            allowance, base units.
    """

    address: Address
    spendable: Mapping[Address, int]


# An account has no lanes: one that is always open, with the longest life an order may ask for, stands for them.
_ACCOUNT_LANE = LaneState(
    lane=0, authorised=True, paused=False, epoch=0, base=0, window=0, max_expiry_s=(1 << 16) - 1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """The node we read from; ``development`` is true of anvil and its like, whose chain is made up."""

    client_version: str
    chain_id: int
    development: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """Everything read in one refresh, all of one block.

    Attributes:
        market: prices and depth.
        balances: of the settlement contract, per token, base units.
        router_allowances: what 1inch's contract may take of them.
        tradable: tokens that the settlement contract settles.
        lanes: lanes of our signer, in order.
        spent: watched nonces that are dead on chain.
        node: who answered.
        expiry_clock_s: an order that expired before this chain time cannot be filled any more.
        read_at_s: our monotonic clock when the read began.
        reading: which reading of the contracts it rests on; views of one standing block share it.
        accounts: makers beside the settlement contract, by what settles their orders.
    """

    market: MarketSnapshot
    balances: Mapping[Address, int]
    router_allowances: Mapping[Address, int]
    tradable: Set[Address]
    lanes: tuple[LaneState, ...]
    spent: Set[NonceKey]
    node: NodeIdentity
    expiry_clock_s: int
    read_at_s: float
    reading: int = 0
    accounts: Mapping[Settlement, MakerAccount] = field(default_factory=dict)

    def chain_now_s(self, monotonic_s: float) -> int:
        """Return chain time now, the view's own plus what has passed since."""
        return self.market.chain_time_s + max(int(monotonic_s - self.read_at_s), 0)

    def of_account(self, settlement: Settlement) -> ChainView | None:
        """Return the same block as the maker of ``settlement`` sees it, None where no such maker is read."""
        account = self.accounts.get(settlement)
        if account is None:
            return None
        return replace(
            self,
            balances=account.spendable,
            router_allowances=account.spendable,
            tradable=frozenset(account.spendable),
            lanes=(_ACCOUNT_LANE,),
        )
