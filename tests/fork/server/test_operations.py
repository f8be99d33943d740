"""Operating a running server: reload, and pauses that survive a restart."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.errors import ChainError, InvalidInput
from pmm.execution import EVERYTHING
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import Deployed, approve_all, fill, serving


def test_reload__new_spread__is_quoted_and_a_bad_file_changes_nothing(
    deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    config = tmp_path / "pmm.toml"
    config.write_text("[quoting]\nhalf_spread_bps = 5\n")
    with serving(deployed, journal, config=config) as server:
        reload = server.runtime.side.parts.reloader.reload
        assert server.quote().components_bps["half_spread"] == Decimal(5)
        config.write_text("[quoting]\nhalf_spread_bps = 9\n[limits]\nmax_quote_usd = 1000\n")
        assert set(reload("test")) == {"half_spread_bps", "max_quote_usd"}
        assert server.quote(amount=str(10**17)).components_bps["half_spread"] == Decimal(9)
        assert server.refused() == (422, "amount_too_large")
        for bad in ("[quoting]\nhalf_spread_bps = -1", "[server]\nport = 1", "[quoting"):
            config.write_text(bad)
            with pytest.raises(InvalidInput):
                reload("test")
            assert server.quote(amount=str(10**17)).components_bps["half_spread"] == Decimal(9)


def test_pause__restart__stays_paused(deployed: Deployed, journal: Path) -> None:
    with serving(deployed, journal) as server:
        server.quote()
        server.runtime.plane.board.pause(EVERYTHING, version=0, who="ada", why="news")
        assert server.refused() == (503, "paused")
    with serving(deployed, journal) as server:
        assert server.refused() == (503, "paused")
        health = server.ask("GET", "/healthz").json()
        assert health["state"] == "refusing"
        server.runtime.plane.board.resume(EVERYTHING, version=1, who="ada", why="over")
        server.quote()


def test_slow_node__stops_quoting_voids_what_is_out_and_goes_on(
    deployed: Deployed, chain: ChainBuilder, journal: Path
) -> None:
    approve_all(chain, deployed)
    switches = {"feed_stop_ms": 10_000, "feed_resume_ms": 10_000, "feed_cancels": True, "resume_after_s": 0}
    with serving(deployed, journal, switches=switches) as server:
        out = server.quote()

        async def slow() -> None:
            # As if a reading had taken a minute: a fifth of it counts.
            server.runtime.refresher._on_read(60_000_000)
            assert server.runtime.plane.board.switches.state(EVERYTHING).is_paused
            await asyncio.gather(*(task for task in asyncio.all_tasks() if "_cancel" in repr(task)))

        server.loop.run_until_complete(slow())
        # BadSignature of 1inch's contract, which asks our settlement.
        with pytest.raises(ChainError, match="0x5cd5d233"):
            fill(chain, out)
        server.catch_up()
        fill(chain, server.quote())


def test_metrics__real_run__measure_every_stage(deployed: Deployed, journal: Path) -> None:
    with serving(deployed, journal) as server:
        server.quote()
        metrics = server.runtime.plane.metrics
        assert metrics is not None
        text = metrics.exposition().decode()
    for stage in ("decode", "market", "price", "risk", "journal", "sign", "encode", "total"):
        assert f'pmm_stage_seconds_count{{stage="{stage}"}} 1.0' in text
