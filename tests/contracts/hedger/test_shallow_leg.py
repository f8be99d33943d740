"""A leg that buys too little for the lender while a gift lies in the hedger: the gift makes up for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.domain import WETH, FundingSource
from tests.contracts.hedger.funded_fills import ONE_WETH
from tests.contracts.hedger.test_odd_tokens import PULLING_LOANS, trick_fill


@pytest.mark.parametrize("source", PULLING_LOANS)
def test_fund_fill__leg_runs_dry_and_a_gift_could_repay_the_lender__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    taker: Any,
    owner: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    wanted = 150 * ONE_WETH
    amounts = {"making_amount": wanted, "taking_amount": 900 * ONE_WETH}
    fill = trick_fill(taker, trick_token, WETH.address, source, mock_lender.address, **amounts)
    trick_token.mint(misled, wanted, sender=owner)

    name, pool, asked, received = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert (name, pool, asked) == ("PoolTooShallow", trick_market.lower(), wanted)
    assert received < wanted
    assert trick_token.balanceOf(misled) == wanted
