"""The owner's limits: cost against Chainlink, notional of a window, health; and who may set them."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.localnet.addresses import USDC, WBTC, WETH
from tests.contracts.delta.positions import MARGIN_USDC, MORPHO_LOAN, TEN_WETH, Positions, plan
from tests.contracts.lending.desk_fixtures import (
    ALL,
    HEARTBEAT_S,
    MAX_COST_BPS,
    NOTIONAL_CAP,
    ONE_WETH,
    WINDOW_S,
)

OPEN = (WETH, USDC, TEN_WETH, 1, MARGIN_USDC)


@pytest.fixture
def margin(move: Any) -> None:
    """Margin of one short lies in the account."""
    move(USDC, MARGIN_USDC)


@pytest.mark.usefixtures("margin")
def test_open_short__pool_below_the_feed_by_more_than_the_largest_cost__reverts(
    delta: Any, operator: Any, owner: Any, refusal_of: Any, set_feed_price: Any, account: Any
) -> None:
    set_feed_price("ETH", "2760")  # the pool stands at 2,722.73: 1.4 % below
    error = refusal_of(delta.openShort, *OPEN, plan(), sender=operator)
    assert error[0] == "CostTooHigh"
    assert error[2] * 10_000 < error[1] * (10_000 - MAX_COST_BPS)
    assert error[3] == MAX_COST_BPS
    delta.setLimits(200, NOTIONAL_CAP, WINDOW_S, sender=owner)
    delta.openShort(*OPEN, plan(), sender=operator)
    assert account.position(1, WETH)[1] > 0


def test_close_short__pool_above_the_feed_by_more_than_the_largest_cost__reverts(
    positions: Positions, delta: Any, operator: Any, refusal_of: Any, set_feed_price: Any
) -> None:
    positions.open_short(plan())
    set_feed_price("ETH", "2680")
    for source in (1, MORPHO_LOAN):
        error = refusal_of(delta.closeShort, WETH, USDC, ALL, 28_000 * 10**6, plan(source), sender=operator)
        assert error[0] == "CostTooHigh"


@pytest.mark.usefixtures("margin")
def test_open_short__pool_better_than_the_feed__is_no_cost(
    delta: Any, operator: Any, set_feed_price: Any, account: Any
) -> None:
    set_feed_price("ETH", "2650")
    delta.openShort(*OPEN, plan(), sender=operator)
    assert account.position(1, WETH)[1] > 0


@pytest.mark.usefixtures("margin")
def test_open_short__stale_feed__reverts(
    delta: Any, operator: Any, refusal_of: Any, rpc: Any, set_feed_price: Any
) -> None:
    rpc.call("anvil_mine", "0x1", hex(HEARTBEAT_S + 3_600))
    error = refusal_of(delta.openShort, *OPEN, plan(), sender=operator)
    assert error[:2] == ("FeedStale", WETH.lower())
    set_feed_price("ETH", "2722.73")
    assert refusal_of(delta.openShort, *OPEN, plan(), sender=operator)[:2] == ("FeedStale", USDC.lower())
    set_feed_price("USDC", "0.9999")
    delta.openShort(*OPEN, plan(), sender=operator)


def test_open_short__token_without_feed__reverts(
    delta: Any, account: Any, operator: Any, owner: Any, refusal_of: Any, deal: Any
) -> None:
    bare = owner.deploy(ape.project.MockDesk, owner, owner, operator, owner)
    lending = owner.deploy(
        ape.project.LendingAccount,
        *(
            bare,
            account.AAVE_V3_POOL(),
            account.COMPOUND_COMPTROLLER(),
            account.COMPOUND_CETH(),
            WETH,
            10_500,
        ),
    )
    fresh = owner.deploy(
        ape.project.DeltaHedger,
        *(bare, lending, delta.UNISWAP_V3_FACTORY(), delta.MORPHO_BLUE(), delta.ONEINCH_ROUTER(), USDC),
    )
    lending.listAaveToken(WETH, sender=owner)
    lending.setDebtCap(1, 10**6, sender=owner)
    lending.setDeltaHedger(fresh, sender=owner)
    fresh.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    deal(USDC, lending, MARGIN_USDC)
    assert refusal_of(fresh.openShort, *OPEN, plan(), sender=operator) == ("FeedMissing", WETH.lower())


@pytest.mark.usefixtures("margin")
@pytest.mark.parametrize("source", [1, MORPHO_LOAN])
def test_open_short__proceeds_below_the_operators_limit__reverts(
    source: int, delta: Any, operator: Any, refusal_of: Any
) -> None:
    error = refusal_of(
        delta.openShort, WETH, USDC, TEN_WETH, 30_000 * 10**6, MARGIN_USDC, plan(source), sender=operator
    )
    assert error[0] == "LimitExceeded"
    assert error[1:] == (TEN_WETH, error[2], 30_000 * 10**6)


def test_close_short__cost_above_the_operators_limit__reverts(
    positions: Positions, delta: Any, operator: Any, refusal_of: Any
) -> None:
    positions.open_short(plan())
    error = refusal_of(delta.closeShort, WETH, USDC, ALL, 20_000 * 10**6, plan(), sender=operator)
    assert error[0] == "LimitExceeded"
    assert error[1] > error[3] == 20_000 * 10**6


@pytest.mark.usefixtures("margin")
@pytest.mark.parametrize("market", [1, 2])
def test_open_short__health_below_the_plan__reverts(
    market: int, delta: Any, operator: Any, refusal_of: Any
) -> None:
    error = refusal_of(
        delta.openShort, *OPEN, plan(market=market, min_health_wad=2 * 10**18), sender=operator
    )
    assert error[:2] == ("HealthTooLow", market)
    assert error[3] == 2 * 10**18


@pytest.mark.usefixtures("margin")
@pytest.mark.parametrize("market", [1, 2])
def test_open_short__health_below_the_floor__reverts(
    market: int, delta: Any, account: Any, operator: Any, owner: Any, refusal_of: Any
) -> None:
    account.setHealthFloor(market, 20_000, sender=owner)
    error = refusal_of(delta.openShort, *OPEN, plan(market=market), sender=operator)
    assert error[:2] == ("HealthTooLow", market)
    assert error[3] == 2 * 10**18


@pytest.mark.usefixtures("margin")
@pytest.mark.parametrize("market", [1, 2])
def test_open_short__above_the_debt_cap_or_paused__reverts(
    market: int, delta: Any, account: Any, operator: Any, owner: Any, guardian: Any, refusal_of: Any
) -> None:
    account.setDebtCap(market, 20_000, sender=owner)
    error = refusal_of(delta.openShort, *OPEN, plan(market=market), sender=operator)
    assert error[:2] == ("DebtCapExceeded", market)
    account.setDebtCap(market, 10**6, sender=owner)
    account.pauseBorrowing(sender=guardian)
    assert refusal_of(delta.openShort, *OPEN, plan(market=market), sender=operator) == ("BorrowingPaused",)


def test_first_account__health_of_a_fresh_position__is_aaves_but_for_rounding(
    positions: Positions, delta: Any, account: Any, operator: Any, refusal_of: Any, move: Any
) -> None:
    move(USDC, MARGIN_USDC)
    refused = refusal_of(delta.openShort, *OPEN, plan(min_health_wad=2**127), sender=operator)
    delta.openShort(*OPEN, plan(), sender=operator)
    own = account.health(1)
    # Interest of the blocks in between lowers Aave's figure a little.
    assert own * 999_999 // 1_000_000 <= refused[2] <= own * 1_000_001 // 1_000_000


def test_close_short__a_part_that_leaves_health_below_the_plan__reverts(
    positions: Positions, delta: Any, operator: Any, refusal_of: Any
) -> None:
    positions.open_short(plan())
    error = refusal_of(
        delta.closeShort,
        *(WETH, USDC, ONE_WETH, 28_000 * 10**6, plan(min_health_wad=3 * 10**18)),
        sender=operator,
    )
    assert error[:2] == ("HealthTooLow", 1)


def test_notional_cap__filled_in_two_windows__frees_only_after_both(
    positions: Positions,
    delta: Any,
    operator: Any,
    owner: Any,
    refusal_of: Any,
    rpc: Any,
    move: Any,
    desk: Any,
) -> None:
    worth = desk.fairTakingAmount(WETH, USDC, ONE_WETH)
    delta.setLimits(MAX_COST_BPS, 2 * worth, WINDOW_S, sender=owner)
    now = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    start = (now // WINDOW_S + 2) * WINDOW_S
    rpc.call("evm_setNextBlockTimestamp", start + WINDOW_S - 30)
    move(USDC, MARGIN_USDC)
    delta.openShort(WETH, USDC, ONE_WETH, 1, MARGIN_USDC, plan(), sender=operator)
    again = (WETH, USDC, ONE_WETH, 1, 0, plan())
    first = delta.limits()[3]
    rpc.call("evm_setNextBlockTimestamp", start + WINDOW_S + 5)  # the next window
    delta.openShort(*again, sender=operator)
    assert delta.limits()[4] == first
    assert delta.limits()[3] > worth * 99 // 100
    error = refusal_of(delta.openShort, *again, sender=operator)
    assert error[0] == "NotionalCapExceeded"
    assert error[1] > error[2] == 2 * worth
    assert refusal_of(delta.closeShort, WETH, USDC, ALL, 2**128, plan(), sender=operator)[0] == (
        "NotionalCapExceeded"
    )
    rpc.call("evm_setNextBlockTimestamp", start + 2 * WINDOW_S + 5)  # one of the two still counts
    delta.openShort(*again, sender=operator)
    assert refusal_of(delta.openShort, *again, sender=operator)[0] == "NotionalCapExceeded"


def test_notional__counted_for_each_direction__in_the_unit_token(
    positions: Positions, delta: Any, desk: Any
) -> None:
    fair = desk.fairTakingAmount(WETH, USDC, TEN_WETH)
    positions.open_short(plan())
    assert delta.limits()[3] + delta.limits()[4] == fair
    positions.close_short(plan())
    used = delta.limits()[3] + delta.limits()[4]
    assert fair * 199 // 100 < used < fair * 202 // 100


def test_set_limits__usage__is_kept(positions: Positions, delta: Any, owner: Any) -> None:
    positions.open_short(plan())
    used = delta.limits()[3] + delta.limits()[4]
    delta.setLimits(50, NOTIONAL_CAP // 2, 60, sender=owner)
    assert tuple(delta.limits())[:3] == (50, NOTIONAL_CAP // 2, 60)
    assert delta.limits()[3] + delta.limits()[4] == used


@pytest.mark.parametrize(
    "limits",
    [(4_096, 1, 60), (1, 2**64, 60), (1, 1, 0), (1, 1, 2**20)],
    ids=["cost", "cap", "zero", "window"],
)
def test_set_limits__out_of_range__reverts(
    limits: tuple[int, ...], delta: Any, owner: Any, refusal_of: Any
) -> None:
    assert refusal_of(delta.setLimits, *limits, sender=owner) == ("InvalidLimits", *limits)


@pytest.mark.usefixtures("margin")
def test_stop__by_the_guardian__refuses_every_swap(
    delta: Any, guardian: Any, operator: Any, owner: Any, refusal_of: Any
) -> None:
    receipt = delta.stop(sender=guardian)
    assert tuple(delta.limits()) == (MAX_COST_BPS, 0, WINDOW_S, 0, 0)
    assert receipt.events == [delta.LimitsSet(max_cost_bps=MAX_COST_BPS, cap=0, window_s=WINDOW_S)]
    assert refusal_of(delta.openShort, *OPEN, plan(), sender=operator)[0] == "NotionalCapExceeded"
    delta.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    delta.openShort(*OPEN, plan(), sender=operator)


def test_limits__never_set__refuse_every_swap(
    delta: Any, account: Any, desk: Any, operator: Any, owner: Any, refusal_of: Any, move: Any
) -> None:
    fresh = owner.deploy(
        ape.project.DeltaHedger,
        *(desk, account, delta.UNISWAP_V3_FACTORY(), delta.MORPHO_BLUE(), delta.ONEINCH_ROUTER(), USDC),
    )
    account.setDeltaHedger(fresh, sender=owner)
    move(USDC, MARGIN_USDC)
    assert tuple(fresh.limits()) == (0, 0, 0, 0, 0)
    assert refusal_of(fresh.openShort, *OPEN, plan(), sender=operator)[0] == "CostTooHigh"


def test_functions__called_without_their_role__are_refused(
    delta: Any, owner: Any, guardian: Any, operator: Any, hooks: Any, stranger: Any, refusal_of: Any
) -> None:
    order = (0,) * 8
    calls: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
        "openShort": ((*OPEN, plan()), (operator,)),
        "closeShort": ((WETH, USDC, ALL, 1, plan()), (operator,)),
        "openLong": ((*OPEN, plan()), (operator,)),
        "closeLong": ((WETH, USDC, ALL, 1, plan()), (operator,)),
        "resolve": ((order, b"\0" * 32, b"\0" * 32, 1, b"", 500, 0), (operator,)),
        "setLimits": ((1, 1, 60), (owner,)),
        "stop": ((), (owner, guardian)),
    }
    callbacks = {"uniswapV3SwapCallback", "onMorphoFlashLoan", "takerInteraction"}
    assert {m.name for m in delta.contract_type.mutable_methods} == set(calls) | callbacks | {"sweep"}
    for name, (arguments, allowed) in calls.items():
        for caller in (owner, guardian, operator, hooks, stranger):
            if caller not in allowed:
                assert refusal_of(getattr(delta, name), *arguments, sender=caller) == (
                    "Unauthorised",
                    caller.address.lower(),
                ), name


@pytest.mark.parametrize(
    "word", [0, plan(3), plan() | 1 << 128, plan() | 1 << 129, plan() | 1 << 215, plan(255)], ids=hex
)
def test_plan__unknown_source_or_reserved_bits__reverts(
    word: int, delta: Any, operator: Any, refusal_of: Any
) -> None:
    for method, arguments in (
        (delta.openShort, OPEN),
        (delta.closeShort, (WETH, USDC, ALL, 1)),
        (delta.openLong, OPEN),
        (delta.closeLong, (WETH, USDC, ALL, 1)),
    ):
        assert refusal_of(method, *arguments, word, sender=operator) == ("InvalidPlan", word)


def test_plan__unknown_pool_or_market__reverts(delta: Any, operator: Any, refusal_of: Any, move: Any) -> None:
    error = refusal_of(delta.openShort, *OPEN, plan(fee_pips=501), sender=operator)
    assert error == ("PoolNotFound", WETH.lower(), USDC.lower(), 501)
    move(USDC, MARGIN_USDC)
    assert refusal_of(delta.openShort, *OPEN, plan(market=3), sender=operator) == ("UnknownMarket", 3)


def test_open_short__nothing_or_too_much__reverts(delta: Any, operator: Any, refusal_of: Any) -> None:
    for amount in (0, 2**255, ALL):
        error = refusal_of(delta.openShort, WETH, USDC, amount, 1, 0, plan(), sender=operator)
        assert error == ("InvalidAmount", amount)


def test_open_short__token_that_is_not_listed__reverts(
    delta: Any, operator: Any, refusal_of: Any, move: Any
) -> None:
    move(USDC, MARGIN_USDC)
    error = refusal_of(
        delta.openShort, WBTC, USDC, 10**6, 1, MARGIN_USDC, plan(fee_pips=3_000), sender=operator
    )
    assert error[:2] == ("UnlistedMarket", WBTC.lower())
