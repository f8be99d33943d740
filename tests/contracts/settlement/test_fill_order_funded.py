"""fillOrderFunded and collect: the hedger supplies the maker asset and is judged by balances."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from ape.exceptions import ContractLogicError
from eth_abi.abi import encode

from pmm.domain import keccak256
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
    word,
)

PROFIT = 12_345
PLAN = 1 << 248 | 500 << 224 | PROFIT
TYPES = ["bytes32", "address", "address", "address", "address", "uint256", "uint256", "uint256"]


def _how(*, traits: int = 0, **parts: Any) -> dict[str, Any]:
    parts = {"extension": extension_of(plan=PLAN)} | parts
    return {
        "function": "fillOrderFunded",
        "taker_traits": traits | args_traits(**parts),
        "args": args_of(**parts),
    }


def _order(desk: Desk, **changes: Any) -> Any:
    return desk.with_extension(extension_of(plan=PLAN), **changes)


@pytest.fixture
def honest(mock_hedger: Any, owner: Any) -> Any:
    """A hedger that delivers, collects and sends the signed minimum profit."""
    mock_hedger.setTrick(HedgerTrick.NONE, PROFIT, mock_hedger, b"", sender=owner)
    return mock_hedger


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
    (funded,) = receipt.decode_logs(desk.settlement.FillFunded)
    assert (bytes(filled.orderHash), filled.taker) == (digest, desk.taker)
    assert (filled.makerAsset, filled.takerAsset) == (desk.base, desk.quote)
    assert (filled.makingAmount, filled.takingAmount) == (MAKING, TAKING)
    assert (bytes(funded.orderHash), funded.plan, funded.profit) == (digest, PLAN, PROFIT)
    arguments = (
        digest, desk.taker.address, receiver.address, desk.base.address, desk.quote.address, MAKING, TAKING, PLAN
    )  # fmt: skip
    assert bytes(honest.seen()) == keccak256(encode(TYPES, arguments))


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
        (HedgerTrick.COLLECT_TWICE, PROFIT, "NoTicket"),
        (HedgerTrick.NONE, PROFIT - 1, "ProfitTooLow"),
        (HedgerTrick.NONE, 0, "ProfitTooLow"),
    ],
)
def test_fill_order_funded__cheating_hedger__is_refused(
    desk: Desk, honest: Any, owner: Any, trick: HedgerTrick, profit: int, refusal: str
) -> None:
    honest.setTrick(trick, profit, honest, b"", sender=owner)
    found = desk.fill_refusal(_order(desk), **_how())
    assert found[0] == refusal
    if refusal == "ProfitTooLow":
        assert found == ("ProfitTooLow", profit, PROFIT)
    if refusal == "WrongDelivery":
        wanted = int(desk.base.balanceOf(desk.taker)) + MAKING
        assert found[1] == wanted
        assert found[2] != wanted


def test_fill_order_funded__plan_without_minimum__still_may_not_cost_inventory(
    desk: Desk, honest: Any, owner: Any
) -> None:
    extension = extension_of(plan=1 << 248)
    order = desk.with_extension(extension)
    take_one = desk.quote.burn.encode_input(desk.settlement, 1)
    honest.setTrick(HedgerTrick.CALL_INSIDE, 0, desk.quote, take_one, sender=owner)
    held = int(desk.quote.balanceOf(desk.settlement))
    refusal = desk.fill_refusal(order, **_how(extension=extension))
    assert refusal == ("InventoryTouched", lower(desk.quote), held, held - 1)


def test_fill_order_funded__maker_asset_of_the_inventory_falls__is_refused(
    desk: Desk, honest: Any, owner: Any
) -> None:
    take_one = desk.base.burn.encode_input(desk.settlement, 1)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, desk.base, take_one, sender=owner)
    held = int(desk.base.balanceOf(desk.settlement))
    assert desk.fill_refusal(_order(desk), **_how()) == ("InventoryTouched", lower(desk.base), held, held - 1)


def test_fill_order_funded__donated_maker_asset__does_no_harm(desk: Desk, honest: Any, owner: Any) -> None:
    gift = desk.base.mint.encode_input(desk.settlement, 1)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, desk.base, gift, sender=owner)
    desk.fill(_order(desk), **_how())


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


def test_fill_order_funded__before_a_hedger_is_set__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(_order(desk), **_how()) == ("NoHedger",)


def test_fill_order_funded__plain_order__is_refused(desk: Desk, honest: Any) -> None:
    assert desk.fill_refusal(desk.order(), **_how(extension=b"")) == ("NoFundingPlan",)


def test_fill_order_funded__private_order_without_plan__is_refused(desk: Desk, honest: Any) -> None:
    extension = extension_of(taker=desk.taker.address)
    order = desk.with_extension(extension)
    assert desk.fill_refusal(order, **_how(extension=extension)) == ("NoFundingPlan",)


def test_fill_order_funded__plan_of_the_takers_own__is_refused(desk: Desk, honest: Any) -> None:
    lowered = extension_of(plan=PLAN - 1)
    assert desk.fill_refusal(_order(desk), **_how(extension=lowered))[0] == "ExtensionHashMismatch"


@pytest.mark.parametrize("bits", [USE_PERMIT2, UNWRAP_WETH, 7 << 200])
def test_fill_order_funded__taker_traits_it_cannot_serve__are_refused(
    desk: Desk, honest: Any, bits: int
) -> None:
    assert desk.fill_refusal(_order(desk), **_how(traits=bits)) == ("UnsupportedTakerTraits", bits)


def test_fill_order_funded__fill_or_kill_for_a_part__is_refused(desk: Desk, honest: Any) -> None:
    order = _order(desk, flags=NO_PARTIAL_FILLS)
    refusal = desk.fill_refusal(order, amount=MAKING - 1, **_how(traits=MAKER_AMOUNT))
    assert refusal == ("PartialFill", MAKING - 1, MAKING)


def test_fill_order_funded__value_sent__is_refused(desk: Desk, honest: Any) -> None:
    assert desk.fill_refusal(_order(desk), value=1, **_how()) == ("",)


def test_collect__outside_a_fill__is_refused(desk: Desk, honest: Any, owner: Any) -> None:
    assert desk.refusal(honest.collectNow, sender=owner) == ("NoTicket",)


def test_collect__after_a_fill_in_the_same_transaction__is_refused(
    desk: Desk, honest: Any, mock_taker: Any, owner: Any
) -> None:
    method, values = desk.call_of(_order(desk), **_how())
    fill, collect = method.encode_input(*values), honest.collectNow.encode_input()
    targets = [desk.settlement, honest]
    refusal = desk.refusal(mock_taker.executeAll, targets, [fill, collect], sender=owner)
    assert refusal == ("NoTicket",)


@pytest.mark.parametrize("who", ["taker", "owner", "attacker"])
def test_collect__by_anyone_but_the_hedger__is_refused(
    desk: Desk, honest: Any, who: str, request: Any
) -> None:
    sender = request.getfixturevalue(who)
    assert desk.refusal(desk.settlement.collect, sender=sender) == ("Unauthorised", lower(sender))


def test_collect__by_another_contract_inside_the_fill__is_refused(
    desk: Desk, honest: Any, mock_taker: Any, owner: Any
) -> None:
    collect = desk.settlement.collect.encode_input()
    through = mock_taker.execute.encode_input(desk.settlement, collect)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, mock_taker, through, sender=owner)
    desk.fill(_order(desk), **_how())
    assert decode_error(bytes(honest.answer())) == ("Unauthorised", lower(mock_taker))


@pytest.mark.parametrize("minimum", [2**64 + PROFIT, 2**127 + PROFIT])
def test_fill_order_funded__minimum_profit_of_many_bits__is_read_whole(
    desk: Desk, honest: Any, minimum: int
) -> None:
    plan = 1 << 248 | minimum
    extension = extension_of(plan=plan)
    order = desk.with_extension(extension)
    refusal = desk.fill_refusal(order, **_how(extension=extension))
    assert refusal == ("ProfitTooLow", PROFIT, minimum)


def test_set_hedger__once__is_for_ever(desk: Desk, honest: Any, owner: Any) -> None:
    assert desk.settlement.hedger() == honest
    refusal = desk.refusal(desk.settlement.setHedger, desk.base, sender=owner)
    assert refusal == ("HedgerAlreadySet", lower(honest))


def test_set_hedger__account_without_code__is_refused(desk: Desk, owner: Any, receiver: Any) -> None:
    assert desk.refusal(desk.settlement.setHedger, receiver, sender=owner) == ("NoCode", lower(receiver))


def test_set_hedger__contract__is_announced(desk: Desk, owner: Any) -> None:
    instance = owner.deploy(ape.project.MockHedger, desk.settlement)
    receipt = desk.settlement.setHedger(instance, sender=owner)
    (event,) = receipt.decode_logs(desk.settlement.HedgerSet)
    assert event.hedger == instance
    assert word(desk.settlement.hedger()) == word(instance)


def test_set_hedger__of_another_settlement__is_refused(desk: Desk, owner: Any, attacker: Any) -> None:
    foreign = owner.deploy(ape.project.MockHedger, attacker)
    refusal = desk.refusal(desk.settlement.setHedger, foreign, sender=owner)
    assert refusal == ("ForeignHedger", lower(foreign), lower(attacker))
    with pytest.raises(ContractLogicError):
        desk.settlement.setHedger(desk.base, sender=owner)  # a contract that is no hedger at all
