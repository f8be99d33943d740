"""Orders as a machine draws them: terms relative to the lane they are for, signed by whichever key for a venue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from pmm.domain import Signature
from tests.contracts.settlement.desk import (
    ARGS_HAS_TARGET,
    MAKER_AMOUNT,
    NO_PARTIAL_FILLS,
    UNWRAP_WETH,
    RawOrder,
    traits,
)
from tests.invariants.model import Call, Model, Signed
from tests.invariants.world import FORTUNE, World

_ORDER = "(" + ",".join(["uint256"] * 8) + ")"
FILL = f"fillOrder({_ORDER},bytes32,bytes32,uint256,uint256)"
FILL_ARGS = f"fillOrderArgs({_ORDER},bytes32,bytes32,uint256,uint256,bytes)"
FILL_CONTRACT = f"fillContractOrder({_ORDER},bytes,uint256,uint256)"
FILL_CONTRACT_ARGS = f"fillContractOrderArgs({_ORDER},bytes,uint256,uint256,bytes)"


@dataclass(frozen=True, slots=True)
class Quote:
    """A signed order as it went out; ``signature`` is over exactly these words."""

    signed: Signed
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is drawn for a quote."""

    key: int
    lane: int
    nonce_step: int
    epoch_step: int
    lives_s: int
    assets: tuple[str, str]
    making: int
    taking: int
    for_oneinch: bool
    private: bool
    flags: int
    receiver: int


_amounts = st.integers(1, 10**20) | st.integers(1, 30) | st.integers(0, 70).map(lambda bits: 1 << bits)
_pairs = st.sampled_from([("base", "quote"), ("quote", "base"), ("weth", "base"), ("base", "weth")])
_SOUND = Terms(
    key=0,
    lane=0,
    nonce_step=0,
    epoch_step=0,
    lives_s=600,
    assets=("base", "quote"),
    making=1,
    taking=1,
    for_oneinch=False,
    private=False,
    flags=0,
    receiver=0,
)
_FAULTS: list[dict[str, Any]] = [
    {"key": 2},
    {"lane": 2},
    {"lane": 2**40 - 1},
    {"nonce_step": -2},
    {"nonce_step": 2**32},
    {"nonce_step": 2**40 - 1},
    {"epoch_step": 1},
    {"epoch_step": -1},
    {"lives_s": -1},
    {"lives_s": 0},
    {"lives_s": 70_000},
    {"assets": ("extra", "base")},
    {"assets": ("base", "extra")},
    {"assets": ("base", "base")},
    {"private": True},
    {"flags": 1 << 254},
    {"flags": 1 << 247},
    {"flags": NO_PARTIAL_FILLS},
    {"receiver": 1},
    {"receiver": 2},
]


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """A sound quote three times out of four, else one with a term that makes it odd."""
    drawn = replace(
        _SOUND,
        key=draw(st.integers(0, 1)),
        lane=draw(st.integers(0, 1)),
        nonce_step=draw(st.integers(0, 6) | st.integers(0, 330)),
        lives_s=draw(st.sampled_from([600, 1_000])),
        assets=draw(_pairs),
        making=draw(_amounts),
        taking=draw(_amounts),
        for_oneinch=draw(st.booleans()),
    )
    odd = draw(st.integers(0, 3)) == 3
    return replace(drawn, **draw(st.sampled_from(_FAULTS))) if odd else drawn


def write(world: World, model: Model, drawn: Terms, now_s: int) -> Quote:
    """Sign the drawn terms as they stand to the lane of today."""
    key = world.keys[drawn.key]
    lane = model.book.lanes.get((key.address.lower(), drawn.lane))
    base, epoch = (lane.base, lane.epoch) if lane else (0, 0)
    nonce = drawn.nonce_step if drawn.for_oneinch else max(0, base + drawn.nonce_step)
    order = RawOrder(
        salt=max(0, epoch + drawn.epoch_step) << 160 | 0x5A17,
        maker=int(world.settlement, 16),
        receiver={0: 0, 1: int(world.settlement, 16), 2: int(world.thief, 16)}[drawn.receiver],
        maker_asset=int(world.tokens[drawn.assets[0]], 16),
        taker_asset=int(world.tokens[drawn.assets[1]], 16),
        making_amount=drawn.making,
        taking_amount=drawn.taking,
        maker_traits=traits(
            expiration_s=now_s + drawn.lives_s,
            nonce=min(nonce, 2**40 - 1) if nonce >= 0 else 0,
            lane=drawn.lane,
            sender=int(world.takers[0], 16) & (1 << 80) - 1 if drawn.private else 0,
            flags=drawn.flags,
        ),
    )
    domain = world.router_domain if drawn.for_oneinch else world.domain
    signed = Signed(order=order, signer=key.address.lower(), for_oneinch=drawn.for_oneinch)
    return Quote(signed, key.sign(order.digest(domain)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is drawn for a fill: sixteenths of the order and a step, a threshold beside what comes out."""

    taker: int
    by_making: bool
    part: int
    step: int
    threshold_step: int | None
    to_receiver: bool
    pays_ether: bool
    ether_step: int
    unwraps: bool


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """A call that gets what it asks for three times out of four."""
    odd = draw(st.integers(0, 3)) == 3
    by_making = draw(st.booleans())
    worse = draw(st.sampled_from([None, 0, 1])) if not odd else draw(st.sampled_from([None, -1]))
    return Ask(
        taker=draw(st.integers(0, 1)),
        by_making=by_making,
        part=draw(st.sampled_from([16, 16, 5, 8, 15, 17, 40])) if not odd else draw(st.integers(0, 40)),
        step=draw(st.sampled_from([0, 0, -1, 1])) if not odd else draw(st.integers(-5, 5)),
        threshold_step=worse if worse is None or by_making else -worse,
        to_receiver=draw(st.booleans()),
        pays_ether=draw(st.booleans()),
        ether_step=draw(st.sampled_from([0, 1, 10**9])) if not odd else -1,
        unwraps=draw(st.booleans()),
    )


def call_of(world: World, model: Model, signed: Signed, ask: Ask, *, on_oneinch: bool) -> Call:
    """A taker's call for that order."""
    order = signed.order
    whole = order.making_amount if ask.by_making else order.taking_amount
    amount = min(max(0, whole * ask.part // 16 + ask.step), 2**256 - 1)
    plain = Call(
        taker=world.takers[ask.taker],
        amount=amount,
        taker_traits=MAKER_AMOUNT * ask.by_making | UNWRAP_WETH * ask.unwraps,
        target=world.receiver if ask.to_receiver or ask.unwraps else None,
    )
    moved, _ = model.objections(signed, plain, 0)
    call = plain
    if ask.threshold_step is not None:
        other = moved.taking if ask.by_making else moved.making
        threshold = max(0, min(other + ask.threshold_step, (1 << 184) - 1))
        call = replace(call, taker_traits=call.taker_traits | threshold)
    in_weth = order.taker_asset == int(world.tokens["weth"], 16)
    # An altered order may cost more than there is.
    if ask.pays_ether and not on_oneinch and in_weth and moved.taking < FORTUNE:
        call = replace(call, value=max(0, moved.taking + ask.ether_step))
    return call


def calldata(quote: Quote, sent: RawOrder, call: Call, *, on_oneinch: bool) -> tuple[str, list[object]]:
    """Signature and values of the fill; ``sent`` may differ from what was signed."""
    args = bytes.fromhex(call.target[2:]) if call.target else None
    taker_traits = call.taker_traits | (ARGS_HAS_TARGET if call.target else 0)
    values: list[object] = [sent.words]
    if on_oneinch:
        values += [sent.packed_with(quote.signature), call.amount, taker_traits]
        name = FILL_CONTRACT if args is None else FILL_CONTRACT_ARGS
    else:
        values += [quote.signature.r_bytes, quote.signature.vs_bytes, call.amount, taker_traits]
        name = FILL if args is None else FILL_ARGS
    return name, values if args is None else [*values, args]


# Which bits of a sent order are turned round after it was signed.
mutations = st.tuples(st.integers(0, 7), st.integers(0, 159) | st.sampled_from([80, 120, 121, 160, 200, 255]))


def mutate(order: RawOrder, mutation: tuple[int, int]) -> RawOrder:
    """The order with one bit of one word turned round."""
    names = ("salt", "maker", "receiver", "maker_asset", "taker_asset", "making_amount", "taking_amount")
    index, bit = mutation
    if index in (3, 4) and bit > 159:
        bit = 0
    name = [*names, "maker_traits"][index]
    return replace(order, **{name: getattr(order, name) ^ 1 << bit})
