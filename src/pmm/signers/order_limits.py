"""What a signer process signs, judged by itself: whoever controls the quoting process controls the request."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pmm.domain import ZERO_ADDRESS, Address, order_hash
from pmm.errors import InvalidInput
from pmm.signers.protocol import SignRequest

_HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """Bounds per order and over time.

    Attributes:
        chain_id: the only chain.
        maker: the only maker, our settlement contract.
        verifying_contracts: domains by name: the contract that each may stand for.
        most_per_order: maker asset -> most base units that one order may give; other assets are refused.
        most_per_hour: maker asset -> most base units within an hour.
        most_life_s: furthest expiry from now.
        per_s: signatures per second, and as many at once.
    """

    chain_id: int
    maker: Address
    verifying_contracts: Mapping[str, Address]
    most_per_order: Mapping[Address, int]
    most_per_hour: Mapping[Address, int] = field(default_factory=dict)
    most_life_s: int = 300
    per_s: int = 5_000


class OrderJudge:
    """Applies the limits; remembers what it let through."""

    def __init__(self, limits: OrderLimits) -> None:
        self.limits = limits
        self._given: dict[Address, deque[tuple[float, int]]] = {}
        self._sums: dict[Address, int] = {}
        self._tokens, self._at_s = float(limits.per_s), 0.0

    def judge(self, request: SignRequest, *, now_s: int, monotonic_s: float) -> bytes:
        """Return the digest to sign, computed here; raise InvalidInput naming the limit that is broken."""
        limits, order, domain = self.limits, request.order, request.domain
        _expect("chainId", limits.chain_id, domain.chain_id)
        if domain.name not in limits.verifying_contracts:
            raise InvalidInput(
                f"domain: expected any of {', '.join(limits.verifying_contracts)}, found {domain.name!r}"
            )
        _expect("verifyingContract", limits.verifying_contracts[domain.name], domain.verifying_contract)
        _expect("maker", limits.maker, order.maker)
        if order.receiver not in (ZERO_ADDRESS, limits.maker):
            raise InvalidInput(f"receiver: expected the maker, found {order.receiver}")
        digest = order_hash(order, domain)
        if digest != request.digest:
            raise InvalidInput("digest: expected the one of this order under this domain, found another")
        expiration_s = order.traits.expiration_s
        if not now_s <= expiration_s <= now_s + limits.most_life_s:
            raise InvalidInput(
                f"expiry: expected within {limits.most_life_s} s of {now_s}, found {expiration_s}"
            )
        if order.traits.allowed_sender == 0:
            raise InvalidInput("allowedSender: expected a taker, found an order that anybody can fill")
        self._amount(order.maker_asset, order.making_amount, monotonic_s)
        self._rate(monotonic_s)
        self._note(order.maker_asset, order.making_amount, monotonic_s)
        return digest

    def _amount(self, asset: Address, amount: int, monotonic_s: float) -> None:
        most = self.limits.most_per_order.get(asset)
        if most is None:
            raise InvalidInput(f"makerAsset: expected one with a limit here, found {asset}")
        if amount > most:
            raise InvalidInput(f"makingAmount: expected at most {most} of {asset}, found {amount}")
        hourly = self.limits.most_per_hour.get(asset)
        if hourly is None:
            return
        given = self._given.setdefault(asset, deque())
        while given and given[0][0] <= monotonic_s - _HOUR_S:
            self._sums[asset] -= given.popleft()[1]
        if self._sums.get(asset, 0) + amount > hourly:
            raise InvalidInput(
                f"makingAmount: expected at most {hourly} of {asset} an hour, this order exceeds it"
            )

    def _rate(self, monotonic_s: float) -> None:
        most = self.limits.per_s
        self._tokens = min(most, self._tokens + max(monotonic_s - self._at_s, 0.0) * most)
        self._at_s = monotonic_s
        if self._tokens < 1:
            raise InvalidInput(f"rate: expected at most {most} orders a second")
        self._tokens -= 1

    def _note(self, asset: Address, amount: int, monotonic_s: float) -> None:
        if asset in self.limits.most_per_hour:
            self._given.setdefault(asset, deque()).append((monotonic_s, amount))
            self._sums[asset] = self._sums.get(asset, 0) + amount


def _expect(name: str, expected: object, found: object) -> None:
    if expected != found:
        raise InvalidInput(f"{name}: expected {expected}, found {found}")
