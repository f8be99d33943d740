"""Real orders of mainnet, read from PMM_DATA_DIR; see the README beside the data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import Extension, RfqOrder, oneinch_domain, parse_bytes, to_hex
from pmm.domain.verification import Claim, verify_order

_SNAPSHOT_S = 1_754_984_404


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("PMM_DATA_DIR is not set: no recorded orders to check")
    path = Path(folder) / "rfq" / "verified_orders.json"
    if not path.exists():
        pytest.skip(f"PMM_DATA_DIR holds no {path.relative_to(folder)}")
    orders: list[dict[str, Any]] = json.loads(path.read_text())["orders_1inch_v6"]
    return orders


def test_verify_order__20_real_orders__are_valid(recorded: list[dict[str, Any]]) -> None:
    assert len(recorded) == 20
    for record in recorded:
        order = RfqOrder.from_dict(record)
        claim = Claim(
            signature=parse_bytes(record["signature"], "signature"),
            extension=parse_bytes(record["extension"], "extension"),
            order_hash=parse_bytes(record["orderHash"], "orderHash", 32),
        )
        check = verify_order(order, oneinch_domain(), claim, now_s=_SNAPSHOT_S)
        assert check.valid, check.reasons
        assert (to_hex(check.order_hash), check.signer) == (record["orderHash"], order.maker)
        assert check.reasons == []
        assert Extension.decode(claim.extension).encode() == claim.extension
        assert order.traits.encode() == order.maker_traits


def test_verify_order__20_real_orders_on_another_chain__are_not_valid(recorded: list[dict[str, Any]]) -> None:
    for record in recorded:
        claim = Claim(
            signature=parse_bytes(record["signature"], "signature"),
            extension=parse_bytes(record["extension"], "extension"),
        )
        check = verify_order(RfqOrder.from_dict(record), oneinch_domain(137), claim, now_s=_SNAPSHOT_S)
        assert [fault.code for fault in check.faults] == ["signer_mismatch"]
