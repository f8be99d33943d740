"""What stands in for Chainlink: pools by their liquidity, books by what they were heard to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pmm.chain.abi import selector
from pmm.domain import USDC, USDT, WBTC, WETH, Address, Token
from pmm.execution import Outside
from pmm.pricing import ReferencePrice, SourceKind
from pmm.sources import BookPrices, PoolPrices, SourceUnavailable

_SLOT0 = selector("slot0()")
_GET_POOL = selector("getPool(address,address,uint24)")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


class _Pools:
    """A node whose factory knows pools by pair and fee; each has a price in token1 per token0 and a liquidity."""

    def __init__(self, pools: dict[tuple[Address, Address, int], tuple[int, int]]) -> None:
        self.pools = pools
        self.addresses = {key: index for index, key in enumerate(pools, start=1)}

    def multicall(self, calls: Sequence[tuple[str, bytes]], *, block: int | str) -> list[bytes | None]:
        return [self._answer(target, data) for target, data in calls]

    def _answer(self, target: str, data: Any) -> bytes:
        raw = bytes(data) if not isinstance(data, str) else bytes.fromhex(data.removeprefix("0x"))
        if raw[:4] == _GET_POOL:
            pair = tuple(f"0x{raw[4 + 32 * n + 12 : 36 + 32 * n].hex()}" for n in range(2))
            fee = int.from_bytes(raw[68:100], "big")
            for (one, other, known), index in self.addresses.items():
                if ({one.lower(), other.lower()}, known) == (set(pair), fee):
                    return _word(index)
            return _word(0)
        sqrt_x96, liquidity = list(self.pools.values())[int(target, 16) - 1]
        return _word(sqrt_x96) if raw[:4] == _SLOT0 else _word(liquidity)


def _prices(node: _Pools, *tokens: Token) -> dict[Address, int]:
    source = PoolPrices(node, tokens, chain_now_s=lambda: 7)  # type: ignore[arg-type]
    return {one.token: one.rate_e36 for one in source.ask()}


def _sqrt_x96(numerator: int, denominator: int) -> int:
    from math import isqrt

    return isqrt((numerator << 192) // denominator)


def test_pools__of_several__the_one_of_most_liquidity_counts_in_dollars() -> None:
    # USDC has the lower address: WETH units per USDC unit at 3,000 USD, and a thin pool at 2,000.
    good, thin = _sqrt_x96(10**12, 3_000), _sqrt_x96(10**12, 2_000)
    node = _Pools(
        {
            (USDC.address, WETH.address, 500): (good, 10**18),
            (USDC.address, WETH.address, 3_000): (thin, 10**17),
        }
    )
    found = _prices(node, WETH, USDC)
    assert found.keys() == {WETH.address}
    assert found[WETH.address] == pytest.approx(3_000 * 10**18, rel=1e-9)


def test_pools__token_first_in_its_pool__is_priced_the_other_way_round() -> None:
    # WBTC has the lower address: USDC units per WBTC unit at 60,000 USD.
    node = _Pools({(WBTC.address, USDC.address, 3_000): (_sqrt_x96(60_000 * 10**6, 10**8), 10**12)})
    assert _prices(node, WBTC)[WBTC.address] == pytest.approx(60_000 * 10**28, rel=1e-9)


@pytest.mark.parametrize("pool", [None, (0, 10**18), (2**96, 0)])
def test_pools__token_without_a_price__is_said(pool: tuple[int, int] | None) -> None:
    node = _Pools({} if pool is None else {(USDC.address, WETH.address, 500): pool})
    with pytest.raises(SourceUnavailable, match="pools with a price of WETH"):
        _prices(node, WETH)


def _said(token: Token, unit: Token | None, rate_e36: int, source: str) -> ReferencePrice:
    return ReferencePrice(
        source=source,
        kind=SourceKind.BOOK,
        token=token.address,
        unit=None if unit is None else unit.address,
        rate_e36=rate_e36,
        observed_at_s=5,
        max_age_s=10,
    )


class _Heard:
    def __init__(self, *references: ReferencePrice) -> None:
        self.references = references

    def current(self) -> Outside:
        return Outside(references=self.references)


def test_books__in_dollars_or_a_dollar_token__are_dollars_and_the_first_of_a_token_counts() -> None:
    heard = _Heard(
        _said(WBTC, WETH, 1, "not in dollars"),
        _said(WETH, USDT, 3_000 * 10**24, "binance:ETHUSDT"),
        _said(WETH, None, 2_000 * 10**18, "second"),
        _said(WBTC, None, 60_000 * 10**28, "coinbase:BTC-USD"),
    )
    found = {one.source: (one.token, one.unit, one.rate_e36) for one in BookPrices(heard).ask()}
    assert found == {
        "binance:ETHUSDT": (WETH.address, None, 3_000 * 10**18),
        "coinbase:BTC-USD": (WBTC.address, None, 60_000 * 10**28),
    }


def test_books__nothing_heard__is_said() -> None:
    with pytest.raises(SourceUnavailable, match="heard of lately"):
        BookPrices(_Heard()).ask()
