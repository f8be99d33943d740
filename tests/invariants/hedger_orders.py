"""Funded orders drawn at random, and the calls that a stranger may try on the hedger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from pmm.chain.abi import encode_call
from pmm.domain import (
    USDC,
    WETH,
    Address,
    FillArgs,
    MakerTraits,
    OwnDomainTerms,
    RfqOrder,
    TakerTraits,
    build_salt,
    sign_order,
)
from tests.contracts.hedger.hedges import HEDGES, ONE_PER_SOURCE, SWAP_FEE_PIPS, Hedge
from tests.invariants.hedger_world import HedgerWorld

_ONE_WETH = 10**18
_WORDS = f"({','.join(['uint256'] * 8)})"
_FUNDED = f"fillOrderFunded({_WORDS},bytes32,bytes32,uint256,uint256,bytes)"
_LIFETIME_S = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Terms of one funded order: in thousandths of a WETH, and bps of its worth at the start."""

    hedge: Hedge
    sells_weth: bool
    size: int
    margin_bps: int
    min_profit_bps: int
    elsewhere: bool


drawn_fills = st.builds(
    Drawn,
    hedge=st.sampled_from(ONE_PER_SOURCE) | st.sampled_from(HEDGES),
    sells_weth=st.booleans(),
    size=st.integers(1, 3_000),
    # Most leave enough.
    margin_bps=st.integers(100, 800) | st.integers(100, 800) | st.integers(-20, 40),
    min_profit_bps=st.sampled_from([0, 0, 5, 20, 50, 700]),
    elsewhere=st.booleans(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funded:
    """A signed order and the calldata that fills it whole."""

    drawn: Drawn
    maker_asset: str
    taker_asset: str
    making: int
    taking: int
    min_profit: int
    receiver: str
    data: bytes


def sizes(world: HedgerWorld, sells_weth: bool, size: int) -> tuple[str, str, int, int]:
    """What is given, what for, how much of it, and its worth at the start."""
    weth = size * _ONE_WETH // 1_000
    usdc = size * world.price // 1_000
    if sells_weth:
        return str(WETH.address), str(USDC.address), weth, usdc
    return str(USDC.address), str(WETH.address), usdc, weth


def write(world: HedgerWorld, drawn: Drawn, *, nonce: int, now_s: int) -> Funded:
    """Sign an order of that nonce, and pack the call that fills it whole."""
    maker, taker, making, worth = sizes(world, drawn.sells_weth, drawn.size)
    taking = worth * (10_000 + drawn.margin_bps) // 10_000
    min_profit = worth * drawn.min_profit_bps // 10_000

    def second_order() -> bytes:
        # Enough for the lender's fee too, at the price of the start.
        amounts = (3 * making + drawn.size, 3 * worth + 1)
        expiration_s = now_s + _LIFETIME_S
        order = world.order_maker.order(maker, taker, *amounts, expiration_s=expiration_s)
        return world.order_maker.route(order)

    terms = OwnDomainTerms(
        funding_plan=drawn.hedge.plan(min_profit=min_profit),
        route=drawn.hedge.route(maker, world.lender, second_order),
    )
    extension = terms.encode()
    order = RfqOrder(
        salt=build_salt(epoch=0, upper=nonce, extension=extension),
        maker=Address(world.settlement),
        maker_asset=Address(maker),
        taker_asset=Address(taker),
        making_amount=making,
        taking_amount=taking,
        maker_traits=MakerTraits.for_quote(
            lane=0, nonce=nonce, expiration_s=now_s + _LIFETIME_S, has_extension=True
        ).encode(),
    )
    receiver = world.receiver if drawn.elsewhere else world.taker
    signature = sign_order(order, world.domain, world.key, extension).signature
    args = FillArgs(target=Address(receiver) if drawn.elsewhere else None, extension=extension)
    traits, packed = args.encode(TakerTraits(maker_amount=True))
    words = order.encode()
    return Funded(
        drawn=drawn,
        maker_asset=maker,
        taker_asset=taker,
        making=making,
        taking=taking,
        min_profit=min_profit,
        receiver=receiver,
        data=encode_call(
            _FUNDED,
            tuple(int.from_bytes(words[at : at + 32], "big") for at in range(0, 256, 32)),
            *(signature.r_bytes, signature.vs_bytes, making, traits.encode(), packed),
        ),
    )


def strangers_calls(
    world: HedgerWorld, maker: str, taker: str, amount: int
) -> list[tuple[str, tuple[Any, ...]]]:
    """Every function of the hedger but `sweep` and views, with data that pools and lenders could give."""
    thief, us = world.thief, world.hedger
    terms = encode_call("x(address,address,address,uint256,uint256)", thief, maker, taker, amount, 1 << 248)[
        4:
    ]
    v3 = encode_call("x(uint256)", int(maker, 16) | amount << 160)[4:]
    v2 = encode_call("x(address,uint256,address,uint256)", maker, amount, thief, 0)[4:]
    v4 = encode_call("x(address,address,uint256,address,uint256,bool)", maker, taker, amount, thief, 0, True)[
        4:
    ]
    plan = 1 << 248 | SWAP_FEE_PIPS << 224
    return [
        ("fundFill(address,address,address,uint256,uint256,uint256)", (thief, maker, taker, 1, 1, plan)),
        (
            "fundFillByRoute(address,address,address,uint256,uint256,uint256,bytes)",
            (thief, maker, taker, 1, 1, plan, b""),
        ),
        ("swapExactIn(address,address,uint256,uint256,bytes)", (maker, taker, 1, plan, b"")),
        ("uniswapV3SwapCallback(int256,int256,bytes)", (amount, amount, v3)),
        ("uniswapV2Call(address,uint256,uint256,bytes)", (us, amount, 0, v2)),
        ("uniswapV2Call(address,uint256,uint256,bytes)", (thief, amount, 0, v2)),
        ("unlockCallback(bytes)", (v4,)),
        ("onMorphoFlashLoan(uint256,bytes)", (amount, terms)),
        ("receiveFlashLoan(address[],uint256[],uint256[],bytes)", ([maker], [amount], [0], terms)),
        ("executeOperation(address,uint256,uint256,address,bytes)", (maker, amount, 0, us, terms)),
        ("executeOperation(address,uint256,uint256,address,bytes)", (maker, amount, 0, thief, terms)),
        ("uniswapV3FlashCallback(uint256,uint256,bytes)", (0, 0, terms)),
        ("onFlashLoan(address,address,uint256,uint256,bytes)", (us, maker, amount, 0, terms)),
        ("onFlashLoan(address,address,uint256,uint256,bytes)", (thief, maker, amount, 0, terms)),
    ]
