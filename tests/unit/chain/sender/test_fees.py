"""What is offered for gas: within the cap, and enough more to replace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.sender import FeePolicy, Fees, GasMarket
from pmm.errors import InvalidInput

GWEI = 10**9
_MARKETS = st.builds(GasMarket, base_fee_wei=st.integers(1, 10**12), priority_fee_wei=st.integers(0, 10**11))
_POLICIES = st.builds(
    lambda cap, tip, bump: FeePolicy(cap_wei=cap, priority_cap_wei=min(tip, cap), bump_bps=bump),
    st.integers(GWEI, 10**12),
    st.integers(1, 10**11),
    st.integers(1_000, 10_000),
)


def test_first__calm_market__offers_twice_the_base_fee_and_the_tip() -> None:
    fees = FeePolicy().first(GasMarket(base_fee_wei=10 * GWEI, priority_fee_wei=GWEI))
    assert fees == Fees(max_fee_wei=21 * GWEI, priority_fee_wei=GWEI)


@pytest.mark.parametrize(("base", "offered"), [(8 * GWEI, True), (8 * GWEI + 1, False)])
def test_first__next_block_could_cost_more_than_the_cap__offers_nothing(base: int, offered: bool) -> None:
    # An eighth more and the tip: 10 gwei at a base fee of 8.
    policy = FeePolicy(cap_wei=10 * GWEI, priority_cap_wei=GWEI)
    fees = policy.first(GasMarket(base_fee_wei=base, priority_fee_wei=GWEI))
    assert (fees is not None) == offered


def test_first__cap_of_its_own__goes_above_the_policys() -> None:
    market = GasMarket(base_fee_wei=300 * GWEI, priority_fee_wei=GWEI)
    assert FeePolicy().first(market) is None
    assert FeePolicy().first(market, cap_wei=1_000 * GWEI) is not None


def test_price__is_what_the_next_transaction_pays__with_the_tip_that_the_policy_allows() -> None:
    market = GasMarket(base_fee_wei=10 * GWEI, priority_fee_wei=3 * GWEI)
    assert FeePolicy().price_wei(market) == 13 * GWEI
    assert FeePolicy(priority_cap_wei=GWEI).price_wei(market) == 11 * GWEI


@given(_POLICIES, _MARKETS)
def test_first__capped_at_the_price_and_an_eighth__is_offered(policy: FeePolicy, market: GasMarket) -> None:
    cap = policy.price_wei(market) * 9 // 8
    # Below 8 wei the rounding of both is a wei: no chain asks so little.
    if market.base_fee_wei >= 8:
        assert policy.first(market, cap_wei=cap) is not None


@given(_POLICIES, _MARKETS)
def test_first__any_market__stays_within_both_caps(policy: FeePolicy, market: GasMarket) -> None:
    fees = policy.first(market)
    if fees is not None:
        assert fees.priority_fee_wei <= min(fees.max_fee_wei, policy.priority_cap_wei)
        assert fees.max_fee_wei <= policy.cap_wei
        assert fees.max_fee_wei >= market.base_fee_wei + fees.priority_fee_wei


@given(_POLICIES, _MARKETS, _MARKETS)
def test_replacement__any_market__raises_both_by_a_tenth_or_offers_nothing(
    policy: FeePolicy, before: GasMarket, now: GasMarket
) -> None:
    first = policy.first(before)
    if first is None:
        return
    second = policy.replacement(first, now)
    if second is not None:
        assert second.max_fee_wei * 10 >= first.max_fee_wei * 11
        assert second.priority_fee_wei * 10 >= first.priority_fee_wei * 11
        assert second.priority_fee_wei <= second.max_fee_wei <= policy.cap_wei


@pytest.mark.parametrize("fields", [{"bump_bps": 999}, {"priority_cap_wei": 0}, {"cap_wei": 1}])
def test_policy__that_no_pool_takes__is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="gas: expected"):
        FeePolicy(**fields)
