"""Lending markets taken apart: what a token without a price leaves unknown, and what it leaves alone."""

from __future__ import annotations

import pytest

from pmm.chain.lending_reader import LendingPlan, LendingReader
from pmm.domain import DAI, USDC, WETH, Address, Token
from pmm.errors import ChainError
from pmm.pricing import FeedReading
from tests.helpers.quoting import MAKER, TAKER, feed

_ETH_FEED, _USD_FEED = feed("ETH / USD", 3_000 * 10**8), feed("USDC / USD", 10**8)
_PLAN = LendingPlan(
    account=MAKER,
    hooks=TAKER,
    a_tokens={WETH.address: MAKER},
    c_tokens={token.address: TAKER for token in (WETH, USDC, DAI)},
)


def words(*values: int) -> bytes:
    return b"".join(one.to_bytes(32, "big") for one in values)


def answers(owed: dict[Address, int]) -> list[bytes | None]:
    """Answers of an account with ten ether in Aave, which owes these on Compound and may borrow 500 dollars more."""
    found: list[bytes | None] = [
        words(0, 11_000, 11_000, 10**5, 10**5, 0),
        words(30_000 * 10**8, 0, 10**8, 8_000, 0, 0),
        words(0, 500 * 10**18, 0),
        words(8_250 << 16, *[0] * 14),
        words(10 * 10**18),
        words(10**24),
    ]
    for token in _PLAN.c_tokens:
        found += [words(0, 0, owed.get(token, 0), 10**18), words(7), words(1), words(1), words(1, 8 * 10**17)]
    return found


def test_read__all_is_priced__every_market_is_known() -> None:
    reader = LendingReader(_PLAN, (WETH, USDC, DAI))
    found = reader.read(
        answers({USDC.address: 100 * 10**6, WETH.address: 1}),
        {WETH.address: _ETH_FEED, USDC.address: _USD_FEED},
    )
    assert found.unknown == {}
    assert [one.market for one in found.readings] == ["aave_v3", *["compound_v2"] * 3]
    # Rounded up token by token; DAI has no feed, and nothing of it is owed.
    assert found.readings[-1].debt_usd_wad == 100 * 10**18 + 3_000
    assert found.readings[-1].collateral_usd_wad == 600 * 10**18 + 3_000


@pytest.mark.parametrize(
    ("feeds", "tokens", "name"),
    [
        ({WETH.address: _ETH_FEED}, (WETH, USDC, DAI), "of USDC,"),
        ({WETH.address: _ETH_FEED, USDC.address: feed("USDC / USD", 0)}, (WETH, USDC, DAI), "of USDC,"),
        (
            {WETH.address: _ETH_FEED, USDC.address: _USD_FEED},
            (WETH, DAI),
            f"{USDC.address} (not one of the desk's",
        ),
    ],
)
def test_read__debt_without_a_price__names_the_token_and_leaves_compound_out_alone(
    feeds: dict[Address, FeedReading], tokens: tuple[Token, ...], name: str
) -> None:
    found = LendingReader(_PLAN, tokens).read(answers({USDC.address: 1, WETH.address: 1}), feeds)
    assert [one.market for one in found.readings] == ["aave_v3"]
    assert found.readings[0].collateral_usd_wad == 24_000 * 10**18
    assert list(found.unknown) == ["compound_v2"]
    assert name in found.unknown["compound_v2"]
    assert "WETH" not in found.unknown["compound_v2"]


def test_read__answer_that_cannot_be_right__raises_whatever_is_priced() -> None:
    broken = answers({USDC.address: 1})
    broken[-1] = None
    with pytest.raises(ChainError, match="markets of Compound"):
        LendingReader(_PLAN, (WETH, USDC, DAI)).read(broken, {})
