"""Every change of settings leaves one event that says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.localnet.addresses import COMPOUND_CETH, COMPOUND_CUSDC, USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, COMPOUND

ZERO = "0x0000000000000000000000000000000000000000"
Change = Callable[[Any, Any, Any], Any]
CHANGES: dict[str, tuple[Change, str, dict[str, Any]]] = {
    "floor of Aave": (
        lambda account, delta, owner: account.setHealthFloor(AAVE, 12_345, sender=owner),
        "HealthFloorSet",
        {"market": AAVE, "floor_bps": 12_345},
    ),
    "floor of Compound": (
        lambda account, delta, owner: account.setHealthFloor(COMPOUND, 12_346, sender=owner),
        "HealthFloorSet",
        {"market": COMPOUND, "floor_bps": 12_346},
    ),
    "cap": (
        lambda account, delta, owner: account.setDebtCap(COMPOUND, 777, sender=owner),
        "DebtCapSet",
        {"market": COMPOUND, "cap_usd": 777},
    ),
    "pause": (
        lambda account, delta, owner: account.pauseBorrowing(sender=owner),
        "BorrowingPauseSet",
        {"paused": True},
    ),
    "resumption": (
        lambda account, delta, owner: account.resumeBorrowing(sender=owner),
        "BorrowingPauseSet",
        {"paused": False},
    ),
    "hedger removed": (
        lambda account, delta, owner: account.setDeltaHedger(ZERO, sender=owner),
        "DeltaHedgerSet",
        {"hedger": ZERO},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_setting__changed__emits_its_event_only(name: str, account: Any, delta: Any, owner: Any) -> None:
    change, event, values = CHANGES[name]
    (log,) = change(account, delta, owner).decode_logs()
    assert (log.event_name, log.event_arguments) == (event, values)
    assert log.contract_address == account.address


def test_set_delta_hedger__a_hedger__emits_it(account: Any, delta: Any, owner: Any) -> None:
    (log,) = account.setDeltaHedger(delta, sender=owner).decode_logs()
    assert (log.event_name, log.event_arguments) == ("DeltaHedgerSet", {"hedger": delta.address})


def test_list__markets_of_a_fresh_account__emit_token_and_market(account: Any, desk: Any, owner: Any) -> None:
    fresh = owner.deploy(
        ape.project.LendingAccount,
        desk,
        account.AAVE_V3_POOL(),
        account.COMPOUND_COMPTROLLER(),
        COMPOUND_CETH,
        WETH,
        11_000,
    )
    (log,) = fresh.listAaveToken(USDC, sender=owner).decode_logs(fresh.AaveTokenListed)
    assert log.event_arguments == {"token": USDC}
    (log,) = fresh.listCompoundMarket(USDC, COMPOUND_CUSDC, sender=owner).decode_logs(
        fresh.CompoundMarketListed
    )
    assert log.event_arguments == {"token": USDC, "c_token": COMPOUND_CUSDC}
    assert fresh.compoundMarkets() == [COMPOUND_CUSDC]
