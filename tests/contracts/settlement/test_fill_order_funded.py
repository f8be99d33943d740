"""fillOrderFunded: the hedger supplies the maker asset and is judged by balances."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from pmm.domain import keccak256
from tests.contracts.settlement.conftest import PROFIT
from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    MAKING,
    NO_PARTIAL_FILLS,
    TAKING,
    UNWRAP_WETH,
    USE_PERMIT2,
    Desk,
    HedgerTrick,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
)

# A loan of Morpho Blue, closed on a pool: the hedger's.
PLAN = 2 << 248 | 500 << 224 | PROFIT
TYPES = ["address", "address", "address", "uint256", "uint256", "uint256"]


def _how(*, traits: int = 0, **parts: Any) -> dict[str, Any]:
    parts = {"extension": extension_of(plan=PLAN)} | parts
    return {
        "function": "fillOrderFunded",
        "taker_traits": traits | args_traits(**parts),
        "args": args_of(**parts),
    }


def _order(desk: Desk, **changes: Any) -> Any:
    return desk.with_extension(extension_of(plan=PLAN), **changes)


def test_fill_order_funded__honest_hedger__moves_every_leg_and_reports(
    desk: Desk, honest: Any, receiver: Any
) -> None:
    order = _order(desk)
    parties = (desk.settlement, desk.taker, receiver, honest)
    before = desk.balances(*parties)

    receipt = desk.fill(order, **_how(target=receiver.address))

    assert moved(before, desk.balances(*parties)) == [
        (0, PROFIT),
        (0, -TAKING),
        (MAKING, 0),
        (-MAKING, TAKING - PROFIT),
    ]
    digest = order.digest(desk.domain)
    (filled,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (bytes(filled.orderHash), filled.taker) == (digest, desk.taker)
    assert (filled.makerAsset, filled.takerAsset) == (desk.base, desk.quote)
    assert (filled.makingAmount, filled.takingAmount) == (MAKING, TAKING)
    arguments = (receiver.address, desk.base.address, desk.quote.address, MAKING, TAKING, PLAN)
    assert bytes(honest.seen()) == keccak256(encode(TYPES, arguments))


def test_fill_order_funded__route_behind_the_plan__reaches_the_hedger(desk: Desk, honest: Any) -> None:
    route = b"\x01\x02\x03"
    extension = extension_of(plan=PLAN, route=route)
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(desk.with_extension(extension), **_how(extension=extension))
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(0, PROFIT), (MAKING, -TAKING)]
    arguments = (desk.taker.address, desk.base.address, desk.quote.address, MAKING, TAKING, PLAN, route)
    assert bytes(honest.seen()) == keccak256(encode([*TYPES, "bytes"], arguments))


def test_fill_order_funded__without_target__delivers_to_the_caller(desk: Desk, honest: Any) -> None:
    before = desk.balances(desk.taker)
    desk.fill(_order(desk), **_how())
    assert moved(before, desk.balances(desk.taker)) == [(MAKING, -TAKING)]


def test_fill_order_funded__part_of_the_order__asks_for_the_whole_minimum_profit(
    desk: Desk, honest: Any
) -> None:
    before = desk.balances(desk.taker)
    desk.fill(_order(desk), amount=MAKING // 2, **_how(traits=MAKER_AMOUNT))
    assert moved(before, desk.balances(desk.taker)) == [(MAKING // 2, -TAKING // 2)]


def test_fill_order_funded__again__is_dead(desk: Desk, honest: Any) -> None:
    desk.fill(_order(desk), **_how())
    assert desk.fill_refusal(_order(desk), **_how()) == ("NonceDead", 0, 0)


def test_fill_order_funded__reverted__leaves_the_nonce_alive(desk: Desk, honest: Any, owner: Any) -> None:
    honest.setTrick(HedgerTrick.NONE, PROFIT - 1, honest, b"", sender=owner)
    method, values = desk.call_of(_order(desk), **_how())
    receipt = method(*values, sender=desk.taker, gas=2_000_000, raise_on_revert=False)
    assert receipt.failed
    honest.setTrick(HedgerTrick.NONE, PROFIT, honest, b"", sender=owner)
    desk.fill(_order(desk), **_how())


def test_fill_order_funded__private_taker__holds(desk: Desk, honest: Any, attacker: Any) -> None:
    extension = extension_of(taker=desk.taker.address, plan=PLAN)
    order = desk.with_extension(extension)
    assert desk.simulate(order, **_how(extension=extension))[0] == MAKING
    refusal = desk.fill_refusal(order, sender=attacker, **_how(extension=extension))
    assert refusal == ("PrivateOrder", lower(attacker))


@pytest.mark.parametrize(
    ("trick", "profit", "refusal"),
    [
        (HedgerTrick.DELIVER_ONE_UNIT_LESS, PROFIT, "WrongDelivery"),
        (HedgerTrick.DELIVER_ONE_UNIT_MORE, PROFIT, "WrongDelivery"),
        (HedgerTrick.DELIVER_NOTHING, PROFIT, "WrongDelivery"),
        (HedgerTrick.COLLECT_NOTHING, PROFIT, "NotCollected"),
        (HedgerTrick.COLLECT_TWICE, PROFIT, "Unauthorised"),
        (HedgerTrick.NONE, PROFIT - 1, "ProfitTooLow"),
        (HedgerTrick.NONE, 0, "ProfitTooLow"),
        (HedgerTrick.COLLECT_TOO_MUCH, -1, "ProfitTooLow"),
    ],
)
def test_fill_order_funded__cheating_hedger__is_refused(
    desk: Desk, honest: Any, owner: Any, trick: HedgerTrick, profit: int, refusal: str
) -> None:
    honest.setTrick(trick, max(profit, 0), honest, b"", sender=owner)
    found = desk.fill_refusal(_order(desk), **_how())
    assert found[0] == refusal
    if refusal == "ProfitTooLow":
        assert found == ("ProfitTooLow", TAKING, TAKING - profit, PROFIT)
    if refusal == "WrongDelivery":
        wanted = int(desk.base.balanceOf(desk.taker)) + MAKING
        assert found[1] == wanted
        assert found[2] != wanted


def test_fill_order_funded__plan_without_minimum__costs_no_inventory(
    desk: Desk, honest: Any, owner: Any
) -> None:
    """The hedger may keep the whole taking amount, and not a unit of what the settlement holds."""
    extension = extension_of(plan=2 << 248)
    honest.setTrick(HedgerTrick.NONE, 0, honest, b"", sender=owner)
    before = desk.balances(desk.settlement, desk.taker, honest)
    desk.fill(desk.with_extension(extension), **_how(extension=extension))
    after = desk.balances(desk.settlement, desk.taker, honest)
    assert moved(before, after) == [(0, 0), (MAKING, -TAKING), (-MAKING, TAKING)]


def test_fill_order_funded__donated_maker_asset__does_no_harm(desk: Desk, honest: Any, owner: Any) -> None:
    gift = desk.base.mint.encode_input(desk.settlement, 1)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, desk.base, gift, sender=owner)
    before = desk.balances(desk.settlement)
    desk.fill(_order(desk), **_how())
    assert moved(before, desk.balances(desk.settlement)) == [(1, PROFIT)]


@pytest.mark.parametrize("inner", ["fillOrder", "isValidSignature"])
def test_fill_order_funded__other_fill_nested_to_fake_profit__is_refused(
    desk: Desk, honest: Any, owner: Any, inner: str
) -> None:
    second = desk.order(nonce=1)
    if inner == "fillOrder":
        method, values = desk.call_of(second)
        data = method.encode_input(*values)
    else:
        digest = second.digest(desk.router_domain)
        data = desk.settlement.isValidSignature.encode_input(
            digest, second.packed_with(desk.key.sign(digest))
        )
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, desk.settlement, data, sender=owner)
    desk.fill(_order(desk), **_how())
    assert decode_error(bytes(honest.answer())) == ("Reentered",)


@pytest.mark.parametrize("party", ["settlement", "hedger"])
def test_fill_order_funded__receiver_whose_balance_is_judged__is_refused(
    desk: Desk, honest: Any, party: str
) -> None:
    target = {"settlement": desk.settlement, "hedger": honest}[party].address
    assert desk.fill_refusal(_order(desk), **_how(target=target)) == ("BadTarget", target.lower())


def test_fill_order_funded__before_the_hedger_is_there__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(_order(desk), **_how()) == ("ModuleMissing", 0)


def test_fill_order_funded__plain_order__is_refused(desk: Desk, honest: Any) -> None:
    assert desk.fill_refusal(desk.order(), **_how(extension=b"")) == ("NoFundingPlan",)


def test_fill_order_funded__private_order_without_plan__is_refused(desk: Desk, honest: Any) -> None:
    extension = extension_of(taker=desk.taker.address)
    order = desk.with_extension(extension)
    assert desk.fill_refusal(order, **_how(extension=extension)) == ("NoFundingPlan",)


def test_fill_order_funded__plan_of_the_takers_own__is_refused(desk: Desk, honest: Any) -> None:
    lowered = extension_of(plan=PLAN - 1)
    assert desk.fill_refusal(_order(desk), **_how(extension=lowered))[0] == "ExtensionHashMismatch"


@pytest.mark.parametrize("bits", [USE_PERMIT2, UNWRAP_WETH, USE_PERMIT2 | UNWRAP_WETH])
def test_fill_order_funded__taker_traits_it_cannot_serve__are_refused(
    desk: Desk, honest: Any, bits: int
) -> None:
    assert desk.fill_refusal(_order(desk), **_how(traits=bits)) == ("UnsupportedTakerTraits", bits)


def test_fill_order_funded__interaction__is_refused(desk: Desk, honest: Any) -> None:
    how = _how(interaction=bytes.fromhex(honest.address[2:]))
    assert desk.fill_refusal(_order(desk), **how) == ("UnsupportedTakerTraits", 20 << 200)


def test_fill_order_funded__fill_or_kill_for_a_part__is_refused(desk: Desk, honest: Any) -> None:
    order = _order(desk, flags=NO_PARTIAL_FILLS)
    refusal = desk.fill_refusal(order, amount=MAKING - 1, **_how(traits=MAKER_AMOUNT))
    assert refusal == ("PartialFill", MAKING - 1, MAKING)


def test_fill_order_funded__value_sent__is_refused(desk: Desk, honest: Any) -> None:
    assert desk.fill_refusal(_order(desk), value=1, **_how()) == ("",)


@pytest.mark.parametrize("minimum", [2**64 + PROFIT, 2**127 + PROFIT])
def test_fill_order_funded__minimum_profit_of_many_bits__is_read_whole(
    desk: Desk, honest: Any, minimum: int
) -> None:
    plan = 2 << 248 | minimum
    extension = extension_of(plan=plan)
    order = desk.with_extension(extension)
    refusal = desk.fill_refusal(order, **_how(extension=extension))
    assert refusal == ("ProfitTooLow", TAKING, TAKING - PROFIT, minimum)
