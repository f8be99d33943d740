"""A small world for tests of the hedger: blocks, fills, a sender that a test can make fail, and a market."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pmm.domain import (
    USDC,
    WETH,
    Address,
    BlockRef,
    ChainChange,
    ChainEvent,
    EventPlace,
    OrderFilled,
    TokenMoved,
    keccak256,
)
from pmm.execution.hedging import (
    ContractCall,
    HedgedAsset,
    HedgeLedger,
    HedgeLimits,
    HedgeMarket,
    HedgeOrder,
    Hedger,
    HedgerPolicy,
    HedgeStrategy,
    Immediate,
    LegDesk,
    PerpAccount,
    PlannedLeg,
    Report,
    ReportState,
    RouteCost,
    RoutePlan,
    RouteRefused,
)
from pmm.ledger import Ledger, open_ledger

SETTLEMENT = Address("0x00000000000000000000000000000000000000A1")
LENDING = Address("0x00000000000000000000000000000000000000A2")
TAKER = Address("0x00000000000000000000000000000000000000b1")
POOL = Address("0x00000000000000000000000000000000000000c1")
ETHER = 10**18
PRICE_USD_E36 = {WETH.address: 3_000 * 10**18, USDC.address: 10**30}


def block(number: int, branch: str = "a", parent: str = "a") -> BlockRef:
    """Return a block of a branch."""
    return BlockRef(
        number=number,
        hash=keccak256(f"{branch}{number}".encode()),
        parent_hash=keccak256(f"{parent}{number - 1}".encode()),
        time_s=1_700_000_000 + 12 * number,
    )


def place(where: BlockRef, transaction: bytes, log_index: int = 0) -> EventPlace:
    """Return the place of a log."""
    return EventPlace(block=where, transaction_hash=transaction, log_index=log_index)


def fill_events(
    where: BlockRef, transaction: bytes, *, sells: int = 0, buys: int = 0, first_log: int = 0
) -> tuple[ChainEvent, ...]:
    """Return a fill in which the desk sells or buys WETH at 3,000 USDC, with its transfers."""
    amount, usdc = sells or buys, (sells or buys) * 3_000 // 10**12
    maker, taker = (WETH, USDC) if sells else (USDC, WETH)
    making, taking = (amount, usdc) if sells else (usdc, amount)

    def at(index: int) -> EventPlace:
        return place(where, transaction, first_log + index)

    return (
        TokenMoved(place=at(0), token=taker.address, sender=TAKER, receiver=SETTLEMENT, amount=taking),
        TokenMoved(place=at(1), token=maker.address, sender=SETTLEMENT, receiver=TAKER, amount=making),
        OrderFilled(
            place=at(2),
            order_hash=keccak256(transaction),
            settled_by=SETTLEMENT,
            taker=TAKER,
            maker_asset=maker.address,
            taker_asset=taker.address,
            making_amount=making,
            taking_amount=taking,
        ),
    )


def swap_events(
    where: BlockRef, transaction: bytes, *, weth: int, first_log: int = 0
) -> tuple[ChainEvent, ...]:
    """Return a swap that changes the desk's WETH by ``weth`` base units, and its USDC against it."""
    usdc = abs(weth) * 3_000 // 10**12
    legs = ((WETH, weth), (USDC, -usdc if weth > 0 else usdc))
    return tuple(
        TokenMoved(
            place=place(where, transaction, first_log + index),
            token=token.address,
            sender=POOL if amount > 0 else SETTLEMENT,
            receiver=SETTLEMENT if amount > 0 else POOL,
            amount=abs(amount),
        )
        for index, (token, amount) in enumerate(legs)
    )


def change(
    head: BlockRef,
    *,
    added: tuple[ChainEvent, ...] = (),
    removed: tuple[ChainEvent, ...] = (),
    finalised: int = 0,
) -> ChainChange:
    """Return a step of the chain."""
    return ChainChange(removed=removed, added=added, head=head, finalised=finalised)


@dataclass
class FakeSender:
    """A sender with a durable record of its own: ``records`` outlives a crash of the hedger.

    ``fail`` names what the next ``submit`` does: "before" loses the call, "after" takes it and loses the answer,
    "refuse" says no, "revert" takes it and lets it fail.
    """

    records: dict[str, tuple[ContractCall, ReportState]] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    fail: list[str] = field(default_factory=list)
    mute: bool = False

    def submit(self, key: str, call: ContractCall) -> Report:
        how = self.fail.pop(0) if self.fail else ""
        if how == "before":
            raise TimeoutError("the node did not answer")
        self.submitted.append(key)
        if how == "refuse":
            return Report(state=ReportState.REFUSED, detail="it would revert")
        if key in self.records:
            # Raised errors count as lost answers: nobody may catch this one.
            raise BaseException(f"{key} was sent twice")
        self.records[key] = (call, ReportState.FAILED if how == "revert" else ReportState.PENDING)
        if how == "after":
            raise TimeoutError("the node did not answer")
        return self.report(key)

    def report(self, key: str) -> Report:
        if self.mute:
            raise TimeoutError("the node did not answer")
        if key not in self.records:
            return Report(state=ReportState.ABSENT)
        return Report(state=self.records[key][1], references=(self.hash_of(key),))

    def mine(self, key: str) -> bytes:
        """Let a transaction be mined, and return its hash."""
        self.records[key] = (self.records[key][0], ReportState.DONE)
        return self.hash_of(key)

    @staticmethod
    def hash_of(key: str) -> bytes:
        return keccak256(f"transaction {key}".encode())


@dataclass
class FlatRoute:
    """A route that costs the same share of whatever is traded, in as many legs as it is told."""

    name: str = "flat"
    cost_bps: int = 5
    legs: int = 1
    why_not: str = ""
    undoable: bool = True

    def plans(self, order: HedgeOrder, market: HedgeMarket) -> tuple[RoutePlan | RouteRefused, ...]:
        if self.why_not:
            return (RouteRefused(route=self.name, why=self.why_not),)
        value = market.value_down(order.asset.address, abs(order.trade))
        calls = [self.call(f"{self.name} {order.trade} leg {index}") for index in range(self.legs)]
        undo = (self.call(f"undo of {self.name}"),) if self.undoable else ()
        return (
            RoutePlan(
                route=self.name,
                legs=tuple(PlannedLeg(call=call, undo=undo) for call in calls),
                cost=RouteCost(fee_usd_wad=value * self.cost_bps // 10_000),
            ),
        )

    @staticmethod
    def call(purpose: str) -> ContractCall:
        return ContractCall(to=SETTLEMENT, data=purpose.encode(), purpose=purpose, gas_units=1)


def market() -> HedgeMarket:
    """Return a market of prices alone."""
    return HedgeMarket(
        block_number=1,
        at_s=1_700_000_000,
        gas_price_wei=10**9,
        native=WETH.address,
        usd_per_unit_e36=PRICE_USD_E36,
        inventory={WETH.address: 10**24, USDC.address: 10**18},
        debts={},
    )


def open_hedging_ledger(path: Path) -> Ledger:
    """Open a ledger in a file."""
    return open_ledger(path, chain_id=1, maker=SETTLEMENT)


def hedger_on(
    ledger: Ledger,
    sender: FakeSender,
    *,
    strategy: HedgeStrategy | None = None,
    routes: tuple[FlatRoute, ...] | None = None,
    limits: HedgeLimits | None = None,
    perps: tuple[PerpAccount, ...] = (),
) -> Hedger:
    """Return a hedger of WETH against USDC."""
    hedged = HedgedAsset(
        asset=WETH, quote=USDC, strategy=strategy or Immediate(), limits=limits or HedgeLimits()
    )
    return Hedger(
        ledger=HedgeLedger(ledger),
        routes=routes if routes is not None else (FlatRoute(),),
        desk=LegDesk(sender, perps),
        policy=HedgerPolicy(
            accounts=frozenset({SETTLEMENT, LENDING}),
            assets=(hedged,),
        ),
    )
