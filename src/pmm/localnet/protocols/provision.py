"""Stocks the liquidity provider with what one protocol will pull from it."""

from __future__ import annotations

from collections.abc import Mapping

from pmm.localnet.addresses import LIQUIDITY_PROVIDER
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.placement import ChainBuilder

_UINT256_MAX = 2**256 - 1


def provision(chain: ChainBuilder, amounts: Mapping[str, int], *, spender: str) -> None:
    """Make the liquidity provider hold at least ``amounts`` (base units by token) and let ``spender`` pull."""
    for token, amount in amounts.items():
        # At least, not exactly: what it borrowed from another protocol stays with it.
        if balance_of(chain.rpc, token, LIQUIDITY_PROVIDER) < amount:
            deal(chain.rpc, token, LIQUIDITY_PROVIDER, amount)
        chain.transact(token, "approve(address,uint256)", spender, _UINT256_MAX, sender=LIQUIDITY_PROVIDER)
