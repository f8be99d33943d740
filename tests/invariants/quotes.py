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
from tests.invariants.amounts import smallest_making
from tests.invariants.model import Call, Model, Signed
from tests.invariants.world import CORE, FORTUNE, World

_ORDER = "(" + ",".join(["uint256"] * 8) + ")"
FILL = f"fillOrder({_ORDER},bytes32,bytes32,uint256,uint256)"
FILL_ARGS = f"fillOrderArgs({_ORDER},bytes32,bytes32,uint256,uint256,bytes)"
FILL_COMPACT = "fillOrderCompact(bytes32,bytes32,bytes32,bytes32)"
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
    bare_salt: bool


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
    bare_salt=False,
)


def decay(start_s: int, slope: int, cap: int) -> int:
    """Bits 208 to 246 of makerTraits."""
    return cap << 234 | slope << 220 | start_s << 208


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
    {"flags": 128 << 200},
    {"flags": 255 << 200},
    {"flags": decay(590, 10_000, 8_191)},
    {"flags": decay(4_095, 16_383, 30) | 40 << 200},
    {"flags": decay(600, 1, 8_191) | NO_PARTIAL_FILLS},
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
        bare_salt=draw(st.booleans()),
        private=draw(st.integers(0, 5)) == 5,
    )
    if not drawn.for_oneinch:
        # A smallest fill is sound on our domain, and `asks` goes to its edge.
        drawn = replace(drawn, flags=draw(st.sampled_from([0, 0, 200])) << 200)
    odd = draw(st.integers(0, 3)) == 3
    return replace(drawn, **draw(st.sampled_from(_FAULTS))) if odd else drawn


def write(world: World, model: Model, drawn: Terms, now_s: int) -> Quote:
    """Sign the drawn terms as they stand to the lane of today."""
    key = world.keys[drawn.key]
    lane = model.book.lanes.get((key.address.lower(), drawn.lane))
    base, epoch = (lane.base, lane.epoch) if lane else (0, 0)
    nonce = drawn.nonce_step if drawn.for_oneinch else max(0, base + drawn.nonce_step)
    order = RawOrder(
        salt=max(0, epoch + drawn.epoch_step) << 160 | (0 if drawn.bare_salt else 0x5A17) | 7 << 192,
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
    """What is drawn for a fill: sixteenths of the order and a step, a threshold beside what comes out.

    ``at_smallest`` asks for the smallest fill and the step, where the order names one.
    """

    taker: int
    by_making: bool
    part: int
    step: int
    at_smallest: bool
    threshold_step: int | None
    to_receiver: bool
    pays_ether: bool
    ether_step: int
    unwraps: bool
    compact: bool


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
        at_smallest=draw(st.booleans()),
        threshold_step=worse if worse is None or by_making else -worse,
        to_receiver=draw(st.booleans()),
        pays_ether=draw(st.booleans()),
        ether_step=draw(st.sampled_from([0, 1, 10**9])) if not odd else -1,
        unwraps=draw(st.booleans()),
        compact=draw(st.booleans()),
    )


def call_of(world: World, model: Model, signed: Signed, ask: Ask, at_s: int, *, on_oneinch: bool) -> Call:
    """A taker's call for that order."""
    order = signed.order
    if ask.compact and is_compact(world, order):
        # Short form: the whole order on our domain, any fill on 1inch's.
        return Call(taker=world.takers[ask.taker], amount=order.taking_amount, compact=True)
    plain = Call(
        taker=world.takers[ask.taker],
        amount=min(max(0, _named(order, ask, at_s) + ask.step), 2**256 - 1),
        taker_traits=MAKER_AMOUNT * ask.by_making | UNWRAP_WETH * ask.unwraps,
        target=world.receiver if ask.to_receiver else None,
    )
    moved, _ = model.objections(signed, plain, at_s, at_s)
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


def _named(order: RawOrder, ask: Ask, at_s: int) -> int:
    """What the call names, but for the step."""
    if ask.at_smallest and ask.by_making:
        smallest = smallest_making(order.making_amount, order.maker_traits, at_s)
        if smallest:
            return smallest
    return (order.making_amount if ask.by_making else order.taking_amount) * ask.part // 16


def is_compact(world: World, order: RawOrder) -> bool:
    """Whether the order can be said in two words."""
    assets = {order.maker_asset, order.taker_asset}
    return (
        order.maker == int(world.settlement, 16)
        and order.receiver == 0
        and order.salt & (1 << 160) - 1 == 0
        and assets <= {int(world.tokens[name], 16) for name in CORE}
        and order.maker_traits & ~(NO_PARTIAL_FILLS | (1 << 200) - 1) == 0
        and order.maker_traits & (1 << 80) - 1 == 0
        and order.maker_traits >> 160 & (1 << 40) - 1 < 256
        and max(order.making_amount, order.taking_amount) < 1 << 128
    )


def packed(world: World, order: RawOrder) -> tuple[int, int]:
    """The two words, by the table of contracts/README.md."""
    index = [int(world.tokens[name], 16) for name in CORE].index
    maker_traits = order.maker_traits
    terms = (
        order.salt >> 160 << 160
        | index(order.maker_asset) << 156
        | index(order.taker_asset) << 152
        | (maker_traits >> 160 & 255) << 144
        | (maker_traits >> 120 & (1 << 40) - 1) << 104
        | (maker_traits >> 80 & (1 << 40) - 1) << 64
        | maker_traits >> 255
    )
    return order.making_amount << 128 | order.taking_amount, terms


def calldata(
    world: World, quote: Quote, sent: RawOrder, call: Call, *, on_oneinch: bool
) -> tuple[str, list[object]]:
    """Signature and values of the fill; ``sent`` may differ from what was signed."""
    args = bytes.fromhex(call.target[2:]) if call.target else None
    taker_traits = call.taker_traits | (ARGS_HAS_TARGET if call.target else 0)
    signature = quote.signature
    if call.compact and not on_oneinch:
        words = [word.to_bytes(32, "big") for word in packed(world, sent)]
        return FILL_COMPACT, [*words, signature.r_bytes, signature.vs_bytes]
    values: list[object] = [sent.words]
    if on_oneinch:
        short = b"".join(word.to_bytes(32, "big") for word in packed(world, sent)) if call.compact else b""
        short += signature.r_bytes + signature.vs_bytes
        values += [short if call.compact else sent.packed_with(signature), call.amount, taker_traits]
        name = FILL_CONTRACT if args is None else FILL_CONTRACT_ARGS
    else:
        values += [signature.r_bytes, signature.vs_bytes, call.amount, taker_traits]
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
