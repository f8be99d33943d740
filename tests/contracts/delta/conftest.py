"""The fixtures of the lending contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pmm.localnet.addresses import AAVE_POOL, COMPOUND_CETH, COMPOUND_CUSDC, USDC, WETH
from tests.contracts.delta.positions import Positions
from tests.contracts.lending.desk_fixtures import (
    account,
    allowances,
    balance_of,
    builder,
    delta,
    desk,
    error_types,
    hooks,
    move,
    refusal_of,
    stranger,
    supplied,
)

__all__ = [
    "account",
    "allowances",
    "balance_of",
    "builder",
    "delta",
    "desk",
    "error_types",
    "hooks",
    "move",
    "refusal_of",
    "stranger",
    "supplied",
]


@pytest.fixture
def positions(delta: Any, operator: Any, move: Any) -> Positions:
    """Opens and closes as the operator."""
    return Positions(delta=delta, operator=operator, move=move)


@pytest.fixture
def nothing_stays(
    delta: Any, account: Any, builder: Any, balance_of: Any, allowances: Any, desk: Any
) -> Callable[[], None]:
    """Check that no token, allowance or debt is where it should not be."""

    def _check() -> None:
        for token in (WETH, USDC):
            assert balance_of(token, delta) == 0
            assert balance_of(token, account) == 0
        assert allowances(delta) == {}
        assert allowances(account) == {}
        assert delta.balance == account.balance == 0
        for holder in (delta, desk):
            assert (
                builder.read(
                    AAVE_POOL,
                    "getUserAccountData(address)",
                    holder.address,
                    returns=("uint256",) * 6,
                )[1]
                == 0
            )
            for market in (COMPOUND_CETH, COMPOUND_CUSDC):
                assert builder.read(market, "borrowBalanceStored(address)", holder.address) == 0

    return _check
