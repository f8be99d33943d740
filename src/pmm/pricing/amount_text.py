"""Amounts as a person reads them."""

from __future__ import annotations

from pmm.domain import Token, whole_tokens


def amount_text(amount: int, token: Token) -> str:
    """Return a base-unit amount in whole tokens, such as ``1,234.5 USDC``; every digit is kept."""
    text = format(whole_tokens(amount, token), ",f")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {token.symbol}"
