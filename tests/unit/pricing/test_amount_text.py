"""Amounts read well and keep their digits."""

import pytest

from pmm.domain import USDC, WETH, Token
from pmm.pricing.amount_text import amount_text


@pytest.mark.parametrize(
    ("amount", "token", "text"),
    [
        (1_234_500_000, USDC, "1,234.5 USDC"),
        (1_000_000 * 10**6, USDC, "1,000,000 USDC"),
        (1, WETH, "0.000000000000000001 WETH"),
        (0, WETH, "0 WETH"),
        (-1_500_000, USDC, "-1.5 USDC"),
    ],
)
def test_amount_text__any_amount__is_in_whole_tokens(amount: int, token: Token, text: str) -> None:
    assert amount_text(amount, token) == text
