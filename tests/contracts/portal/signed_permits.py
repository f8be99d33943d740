"""Permits of the buyer's, or of another key, for what the settlement may take."""

from __future__ import annotations

from typing import Any

import ape

from pmm.domain import (
    DAI,
    USDC,
    Address,
    DaiPermit,
    Eip2612Permit,
    Permit2Permit,
    SigningKey,
    TokenDomain,
)
from tests.contracts.portal.portal_desk import FAR_S, USDC_TAKING, PortalDesk


def usdc_permit(
    place: PortalDesk,
    *,
    key: SigningKey | None = None,
    value: int = USDC_TAKING,
    nonce: int = 0,
    spender: Any = None,
    lives_s: int = FAR_S,
) -> bytes:
    """Kind 1 for USDC; expired where ``lives_s`` is negative."""
    domain = TokenDomain(name="USD Coin", version="2", chain_id=ape.chain.chain_id, token=USDC.address)
    return Eip2612Permit.sign(
        key or place.buyer_key,
        domain,
        spender=Address(str((spender or place.settlement).address)),
        value=value,
        nonce=nonce,
        deadline_s=place.desk.now_s() + lives_s,
    ).encode()


def dai_permit(place: PortalDesk, *, key: SigningKey | None = None, nonce: int = 0) -> bytes:
    """Kind 2 for DAI."""
    domain = TokenDomain(name="Dai Stablecoin", version="1", chain_id=ape.chain.chain_id, token=DAI.address)
    return DaiPermit.sign(
        key or place.buyer_key,
        domain,
        spender=Address(place.settlement.address),
        nonce=nonce,
        expiry_s=place.desk.now_s() + FAR_S,
    ).encode()


def permit2_permit(
    place: PortalDesk,
    *,
    token: Any = None,
    key: SigningKey | None = None,
    amount: int = USDC_TAKING,
    nonce: int = 0,
    lives_s: int = FAR_S,
) -> bytes:
    """Kind 3, for USDC unless told."""
    until = place.desk.now_s() + lives_s
    return Permit2Permit.sign(
        key or place.buyer_key,
        chain_id=ape.chain.chain_id,
        token=Address(str((token or place.usdc).address)),
        spender=Address(place.settlement.address),
        amount=amount,
        expiration_s=until,
        nonce=nonce,
        sig_deadline_s=until,
    ).encode()


def token_call(owner: Any, spender: Any, permit: bytes) -> tuple[Any, ...]:
    """Arguments with which anybody can use an EIP-2612 permit at the token itself."""
    value, deadline, r, vs = (permit[start : start + 32] for start in range(1, 129, 32))
    v = 27 + (vs[0] >> 7)
    s = bytes((vs[0] & 0x7F, *vs[1:]))
    return (owner, spender, int.from_bytes(value, "big"), int.from_bytes(deadline, "big"), v, r, s)
