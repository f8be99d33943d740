"""Signed allowances of USDC (EIP-2612, through its SignatureChecker) and DAI (its own form)."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from pmm.errors import ChainError
from pmm.localnet.addresses import DAI, USDC
from pmm.localnet.placement import ChainBuilder

DEADLINE_S = 2**40
DOMAINS = {
    USDC: {"name": "USD Coin", "version": "2", "chainId": 1, "verifyingContract": USDC},
    DAI: {"name": "Dai Stablecoin", "version": "1", "chainId": 1, "verifyingContract": DAI},
}


def signature(
    account: LocalAccount, token: str, fields: dict[str, str], values: dict[str, Any]
) -> tuple[Any, ...]:
    types = {"Permit": [{"name": name, "type": kind} for name, kind in fields.items()]}
    signed = account.sign_message(encode_typed_data(DOMAINS[token], types, values))
    return signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32)


def usdc_permit(account: LocalAccount, spender: str, value: int) -> tuple[Any, ...]:
    fields = {"owner": "address", "spender": "address", "value": "uint256"}
    fields |= {"nonce": "uint256", "deadline": "uint256"}
    values = {
        "owner": account.address,
        "spender": spender,
        "value": value,
        "nonce": 0,
        "deadline": DEADLINE_S,
    }
    return (account.address, spender, value, DEADLINE_S, *signature(account, USDC, fields, values))


def dai_permit(account: LocalAccount, spender: str, expiry_s: int = DEADLINE_S) -> tuple[Any, ...]:
    fields = {"holder": "address", "spender": "address", "nonce": "uint256"}
    fields |= {"expiry": "uint256", "allowed": "bool"}
    values = {"holder": account.address, "spender": spender, "nonce": 0, "expiry": expiry_s, "allowed": True}
    return (account.address, spender, 0, expiry_s, True, *signature(account, DAI, fields, values))


USDC_PERMIT = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
DAI_PERMIT = "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)"


def test_usdc_permit__signed_by_the_owner__sets_the_allowance_once(chain: ChainBuilder, trader: str) -> None:
    owner = Account.create()
    permit = usdc_permit(owner, trader, 5_000)
    chain.transact(USDC, USDC_PERMIT, *permit, sender=trader)
    assert chain.read(USDC, "allowance(address,address)", owner.address, trader) == 5_000
    with pytest.raises(ChainError, match="invalid signature"):
        chain.transact(USDC, USDC_PERMIT, *permit, sender=trader)


def test_usdc_permit__signed_by_another__reverts(chain: ChainBuilder, trader: str) -> None:
    owner, thief = Account.create(), Account.create()
    forged = (owner.address, *usdc_permit(thief, trader, 5_000)[1:])
    with pytest.raises(ChainError, match="invalid signature"):
        chain.transact(USDC, USDC_PERMIT, *forged, sender=trader)


def test_dai_permit__signed_by_the_holder__allows_everything_once(chain: ChainBuilder, trader: str) -> None:
    holder = Account.create()
    permit = dai_permit(holder, trader)
    chain.transact(DAI, DAI_PERMIT, *permit, sender=trader)
    assert chain.read(DAI, "allowance(address,address)", holder.address, trader) == 2**256 - 1
    with pytest.raises(ChainError, match="Dai/invalid-nonce"):
        chain.transact(DAI, DAI_PERMIT, *permit, sender=trader)


def test_dai_permit__expired_or_forged__reverts(chain: ChainBuilder, trader: str) -> None:
    holder, thief = Account.create(), Account.create()
    with pytest.raises(ChainError, match="Dai/permit-expired"):
        chain.transact(DAI, DAI_PERMIT, *dai_permit(holder, trader, 1), sender=trader)
    forged = (holder.address, *dai_permit(thief, trader)[1:])
    with pytest.raises(ChainError, match="Dai/invalid-permit"):
        chain.transact(DAI, DAI_PERMIT, *forged, sender=trader)
