"""The desk's contracts on an offline mainnet, rolled back after every test."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from desk_bench.hedge_stage import HedgeStage
from pmm.domain import USDC, WETH
from pmm.ledger import Ledger
from pmm.localnet.node import start
from pmm.localnet.prices import set_price

PRICE_USD = 2_500


@pytest.fixture(scope="session")
def placed() -> Iterator[HedgeStage]:
    node = start()
    try:
        with node.rpc() as rpc:
            set_price(rpc, "ETH", Decimal(PRICE_USD))
            yield HedgeStage.place(rpc, inventory={WETH.address: 40 * 10**18, USDC.address: 200_000 * 10**6})
    finally:
        node.stop()


@pytest.fixture
def stage(placed: HedgeStage) -> Iterator[HedgeStage]:
    snapshot = placed.rpc.call("evm_snapshot")
    yield placed
    placed.rpc.call("evm_revert", snapshot)


@pytest.fixture
def ledger(stage: HedgeStage, tmp_path: Path) -> Iterator[Ledger]:
    opened = stage.open_ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()
