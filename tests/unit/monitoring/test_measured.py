"""Stopwatches around ports: they measure, and change neither results nor errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pmm.execution import Stage
from pmm.monitoring.measured import measured
from pmm.monitoring.metrics import Metrics


class _Watch:
    """Counts."""

    def __init__(self) -> None:
        self.seen: list[Stage] = []

    def now_ns(self) -> int:
        return 0

    def took(self, stage: Stage, started_ns: int) -> int:
        self.seen.append(stage)
        return 0


class _Port:
    """Something with methods of each kind."""

    name = "port"

    def plain(self, value: int) -> int:
        if value < 0:
            raise ValueError(value)
        return value + 1

    async def awaited(self, value: int) -> int:
        await asyncio.sleep(0)
        return self.plain(value)

    def future(self, value: int) -> Any:
        return asyncio.ensure_future(self.awaited(value))


def test_measured__each_kind_of_method__gives_the_same_and_is_timed() -> None:
    watch = _Watch()
    methods = {"plain": Stage.SIGN, "awaited": Stage.JOURNAL, "future": Stage.MARKET}
    port = measured(_Port(), watch, methods)

    async def run() -> None:
        assert port.plain(1) == 2
        assert port.plain(2) == 3
        assert await port.awaited(1) == 2
        assert await port.future(1) == 2
        with pytest.raises(ValueError, match="-1"):
            await port.awaited(-1)

    asyncio.run(run())
    assert watch.seen == [Stage.SIGN, Stage.SIGN, Stage.JOURNAL, Stage.MARKET, Stage.JOURNAL]
    assert port.name == "port"


def test_metrics__every_stage__has_a_histogram() -> None:
    metrics = Metrics()
    for stage in Stage:
        metrics.took(stage, metrics.now_ns())
    text = metrics.exposition().decode()
    for stage in Stage:
        assert f'pmm_stage_seconds_count{{stage="{stage.value}"}} 1.0' in text
    assert "pmm_signer_lag_seconds" in text
