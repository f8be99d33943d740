"""Relayers on a live server over the fork: OKX's maker account, and what ``/maker-status`` says of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmm.chain.abi import encode_call
from pmm.domain import MAINNET_TOKENS, OKX_PMM_PROTOCOL, USDC, WETH, okx_domain
from pmm.journal import read
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.placement import ChainBuilder
from pmm.relayers.okx import OkxCodec
from pmm.relayers.okx_wire import FIRM_ORDER
from tests.fork.server.site import INVENTORY, TAKER, Deployed, Server, serving

_ASK = {
    "chainIndex": "1",
    "takerAsset": WETH.address,
    "makerAsset": USDC.address,
    "takerAmount": str(10**18),
    "takerAddress": TAKER,
    "rfqId": 2**64 - 1,
    "expiryDuration": 36,
}


@pytest.fixture
def patient(deployed: Deployed, journal: Path) -> Iterator[Server]:
    # Cut-offs are for real machines: this one may be busy.
    with serving(
        deployed, journal, oneinch_time_budget_ms=30_000, okx_time_budget_ms=30_000, quote_ttl_s=30
    ) as running:
        yield running


def _fund(server: Server, chain: ChainBuilder) -> str:
    assert server.runtime.okx is not None
    account = server.runtime.okx.signer.address
    deal(server.deployed.rpc, NATIVE, account, 10**18)
    for token, amount in INVENTORY.items():
        deal(server.deployed.rpc, token, account, amount)
        chain.send(token, encode_call("approve(address,uint256)", OKX_PMM_PROTOCOL, amount), sender=account)
    server.catch_up()
    return account


def _failed(server: Server, relayer: str) -> list[Any]:
    report = server.ask("GET", f"/maker-status?relayer={relayer}").json()
    return [check for check in report["checks"] if not check["passed"]]


def test_firm_order__funded_account__is_signed_and_journaled(
    patient: Server, chain: ChainBuilder, journal: Path
) -> None:
    before = patient.ask("POST", "/OKXDEX/rfq/firm-order", _ASK).json()
    assert before["code"] == "422"
    account = _fund(patient, chain)
    response = patient.ask("POST", "/OKXDEX/rfq/firm-order", {**_ASK, "rfqId": 7})
    assert response.json()["code"] == "0", response.text
    quote = OkxCodec(tokens=MAINNET_TOKENS).read_quote(FIRM_ORDER, response.content, okx_domain())
    assert (quote.maker, quote.taking_amount) == (account, 10**18)
    assert [entry for entry in read(journal) if getattr(entry, "relayer", "") == "okx"]
    # One memory for both makers: volatility, jumps and toxic flow at one relayer move the price at the other.
    conditions = patient.runtime.desk.admission.conditions
    assert conditions is not None
    assert conditions.open_quotes == 1


def test_maker_status__sound_server__passes_for_either_relayer(patient: Server, chain: ChainBuilder) -> None:
    _fund(patient, chain)
    assert _failed(patient, "1inch") == []
    assert _failed(patient, "okx") == []
