"""What the settlement lets fills be hedged by inside themselves, and what it says where something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from eth_abi.abi import encode
from structlog.testing import capture_logs

from pmm.chain.abi import selector
from pmm.chain.fill_hedging import FillHedging, find_fill_hedging
from pmm.domain import DAI, USDC, WETH, Address, address_from_bytes
from pmm.errors import ChainError
from pmm.server.assembly import fill_hedges
from pmm.server.runtime import _fill_hedging
from pmm.settings import load_settings
from tests.helpers.quoting import MAKER, TAKER

_CORE = [WETH.address, USDC.address]
_FEED = 0xFEED
_PAIR = (WETH.address, USDC.address)


class _Settlement:
    """A node with one settlement contract."""

    def __init__(
        self, *, hooks: str = TAKER, words: Mapping[Address, int] | None = None, core: bytes | None = None
    ) -> None:
        self._hooks = hooks
        self._words = words if words is not None else {WETH.address: _word(1, 20), USDC.address: _word(0, 20)}
        self._core = encode(["address[]"], [_CORE]) if core is None else core

    def multicall(self, calls: list[tuple[str, bytes]], **_: Any) -> list[bytes | None]:
        return [self._answer(data) for _, data in calls]

    def _answer(self, data: bytes) -> bytes:
        if data[:4] == selector("routerHooks()"):
            return encode(["address"], [self._hooks])
        if data[:4] == selector("coreTokens()"):
            return self._core
        return self._words.get(address_from_bytes(data[16:36]), 0).to_bytes(32, "big")


def _word(index: int, units: int, *, feed: int = _FEED) -> int:
    return units << (192 + 8 * index) | 86_400 << 160 | feed


def _found(node: _Settlement, *, fault: str | None = None) -> FillHedging:
    pairs = [(WETH, USDC), (DAI, USDC)]
    return find_fill_hedging(node, MAKER, pairs, hedger_fault=fault)  # type: ignore[arg-type]


def test_find_fill_hedging__band_and_feeds__allow_the_pair_that_has_them() -> None:
    found = _found(_Settlement())
    assert (found.hooks, found.bands_bps) == (TAKER, {_PAIR: 100})
    (fault,) = found.faults
    assert fault.startswith("DAI/USDC: expected a band")


def test_find_fill_hedging__token_that_is_not_core__has_its_band_in_its_own_word() -> None:
    words = {WETH.address: _word(1, 255), USDC.address: _word(0, 255), DAI.address: _word(1, 8)}
    found = _found(_Settlement(words=words))
    assert found.bands_bps == {_PAIR: None, (DAI.address, USDC.address): 40}
    assert found.faults == ()


def test_find_fill_hedging__band_without_feeds__refuses_the_pair() -> None:
    words = {WETH.address: _word(1, 20, feed=0), USDC.address: _word(0, 20)}
    found = _found(_Settlement(words=words))
    assert (found.hooks, found.bands_bps) == (TAKER, {})
    assert "none of WETH; setFeed sets one" in found.faults[0]
    # Without a limit the contract asks no feed.
    unbounded = {WETH.address: _word(1, 255, feed=0), USDC.address: _word(0, 255, feed=0)}
    assert _found(_Settlement(words=unbounded)).bands_bps == {_PAIR: None}


def test_find_fill_hedging__no_hooks_or_no_hedger__allows_nothing_and_says_the_way_out() -> None:
    none = _found(_Settlement(hooks="0x" + "00" * 20))
    assert (none.hooks, none.bands_bps) == (None, {})
    assert "ape run deploy hooks" in none.faults[0]
    assert _found(_Settlement(), fault="no hedger").faults == ("no hedger",)
    with pytest.raises(ChainError, match="core tokens"):
        _found(_Settlement(core=b"\x01"))


@pytest.mark.parametrize(("mode", "told"), [("off", 0), ("required", 1), ("best_effort", 1)])
def test_start__something_missing__is_said_where_it_was_asked_for(mode: str, told: int) -> None:
    settings = load_settings({"hook_hedge": mode, "pairs": ("WETH/USDC", "DAI/USDC")}, environment={})
    with capture_logs() as logs:
        found = _fill_hedging(settings, _Settlement(), MAKER, None)  # type: ignore[arg-type]
    said = [one for one in logs if one["event"] == "hook_hedge_off"]
    assert [one["left"] for one in said] == [["WETH/USDC"]] * told
    hedges = fill_hedges(settings, found)
    if mode == "off":
        assert hedges is None
        return
    assert hedges is not None
    rules = hedges.rules[_PAIR]
    assert (hedges.hooks, set(hedges.rules), rules.band_bps, rules.slippage_bps) == (TAKER, {_PAIR}, 100, 10)
    assert (rules.required, rules.gas_floor) == ((True, 0) if mode == "required" else (False, 300_000))
    for nothing in (FillHedging(faults=("nothing",)), FillHedging(hooks=TAKER, faults=("no band",))):
        assert fill_hedges(settings, nothing) is None
