"""Delta of a running desk: normal at its working inventory, moved by a fill, back with its hedge."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.desk import Desk
from pmm.domain import WETH
from pmm.localnet.placement import ChainBuilder
from pmm.risk.state_machine import Phase
from tests.fork.desk.desk_site import ETHER, running, until_quiet
from tests.fork.server.site import Deployed, Server, fill


def net_delta_pct(desk: Desk) -> float:
    value = desk.risk.monitor.readings["net_delta_pct", "WETH"].value
    assert value is not None
    return value


def test_net_delta__at_the_working_inventory__is_none__and_an_unhedged_fill_is_its_share(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    with running(deployed, tmp_path / "ledger.sqlite", hedging="none") as desk:
        until_quiet(desk)
        assert net_delta_pct(desk) == 0
        assert desk.risk.monitor.desk.phase is Phase.WARNING  # much is unknown; nothing is critical
        fill(chain, server.quote())
        until_quiet(desk)
        held = sum(amount for key, amount in desk.book.balances.items() if key.token == WETH.address)
        assert held == 41 * ETHER
        # 120,000 dollars stand beside it, less what the fill cost.
        market = desk.gauges.market
        assert market is not None
        price_usd = market.usd_per_unit_e36[WETH.address] * ETHER / 10**36
        assert net_delta_pct(desk) == pytest.approx(price_usd / (40 * price_usd + 120_000) * 100, rel=1e-3)


def test_net_delta__once_the_fill_is_hedged__is_none(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    with running(deployed, tmp_path / "ledger.sqlite") as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        assert net_delta_pct(desk) == 0
