from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pmm.domain import (
    FillFunction,
    FundingPlan,
    FundingSource,
    HedgeLeg,
    OwnDomainTerms,
    TakerTraits,
    encode_call,
    encode_cancel_orders,
    encode_fill,
    encode_hash_order,
    oneinch_domain,
    parse_address,
    settlement_domain,
    sign_order,
    to_hex,
)
from tests.unit.cli.order_command import RunOrder, run_order
from tests.unit.cli.test_order import BEFORE_EXPIRY, HASH, MAKER, SIGNED, UNSIGNED, VECTORS
from tests.unit.domain.test_verification import KEY, NOW_S, SETTLEMENT, order_of

__all__ = ["run_order"]

OWN = settlement_domain(1, SETTLEMENT)
AT_NOW = ("--now", str(NOW_S))
PLAN = FundingPlan(source=FundingSource.MORPHO_BLUE_LOAN, swap_fee_pips=500, min_profit=77)


def _rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_explain__order__names_domain_digest_amounts_traits_signer_and_expiry(run_order: RunOrder) -> None:
    done = run_order("explain", "--now", "1799996400", stdin=SIGNED[:1])
    assert done.status == 0
    assert _rows(done.out) == [
        "Order",
        "domain 1inch Aggregation Router, version 6, chain 1, contract 0x111111125421cA6dc452d289314280a0f8842A65",
        f"digest {HASH}",
        f"maker {MAKER}",
        "gives 1 WETH (1000000000000000000 base units)",
        "wants 2,500 USDC (2500000000 base units)",
        "price 2,500 USDC per WETH",
        "0.0004 WETH per USDC",
        "receiver the maker",
        "salt 0x" + "0" * 63 + "1",
        "makerTraits 0x0000000000000000000000000000000101006b49d20000000000000000000000",
        "flags: none",
        "fills in full or in part; spent by its first fill",
        "series 0, nonce 257 (word 1, bit 1 of the maker's bitmap)",
        "allowed any caller",
        "expires 2027-01-15 08:00:00 UTC (in 1.0 hours), that second included",
        "extension none",
        "signature 65 bytes (r, s, v): valid",
        f"signer {MAKER} (the maker)",
        "would fill now, as far as this can tell.",
        "Not looked at: nonce, balances, allowances (name a node with --rpc).",
    ]


def test_explain__several_flaws__lists_every_reason(run_order: RunOrder) -> None:
    record = {**SIGNED[1], "orderHash": "0x" + "00" * 32, "extension": "0x" + "00" * 33}
    done = run_order("explain", "--now", "1800000001", "--taker", "0x" + "11" * 20, stdin=[record])
    rows = _rows(done.out)
    reasons = rows[rows.index("would not fill now:") + 1 : -1]
    assert [reason.split(":")[0] for reason in reasons] == [
        "- hash_mismatch",
        "- extension_unexpected",
        "- extension_hash",
        "- expired",
        "- private",
    ]
    assert "signature 65 bytes (r, s, v): NOT VALID" in rows
    assert "flags: NO_PARTIAL_FILLS" in rows
    assert "allowed only a caller whose address ends in bb839cbe05303d7705fa (private order)" in rows


def test_explain__unsigned_order_without_known_tokens__is_explained(run_order: RunOrder) -> None:
    record = {**UNSIGNED[0], "makerAsset": "0x" + "11" * 20}
    rows = _rows(run_order("explain", *BEFORE_EXPIRY, stdin=[record]).out)
    assert f"gives 1000000000000000000 base units of unknown token 0x{'11' * 20}" in rows
    assert "signature none" in rows
    assert "- signature: expected one, found none" in rows


def test_explain__other_chain__does_not_call_a_token_by_its_mainnet_name(run_order: RunOrder) -> None:
    done = run_order("explain", *BEFORE_EXPIRY, "--chain-id", "10", stdin=UNSIGNED[:1])
    assert "WETH" not in done.out
    assert "base units of unknown token 0xC02aaA39" in done.out


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("form", ["hex", "calldata", "input", "inside another call"])
def test_explain__calldata__tells_what_moves_and_whose_order(
    run_order: RunOrder, index: int, form: str
) -> None:
    data: str = VECTORS[index]["fillCalldata"]
    line = data if form == "hex" else json.dumps({form: data})
    if form == "inside another call":
        line = "0xdeadbeef" + "00" * 61 + data[2:]
    done = run_order("explain", *BEFORE_EXPIRY, stdin=line)
    assert done.status == 0
    rows = _rows(done.out)
    assert f"digest {VECTORS[index]['orderHash']}" in rows
    assert "taker to receive 1 WETH (1000000000000000000 base units)" in rows
    assert "paying at most 2,500 USDC (2500000000 base units)" in rows
    assert "moves 1 WETH (1000000000000000000 base units) to the taker" in rows
    assert "signature 64 bytes (r, vs): valid" in rows
    assert ("Found at byte 65 of the calldata of another contract" in rows) == (form == "inside another call")
    if index == 2:
        assert "target 0x00000000219ab540356cBB839Cbe05303d7705Fa gets the maker asset" in rows
        assert "interaction 21 bytes 0x000000000000000000000000000000000000cafe05" in rows
        assert "pre_interaction_data: 22 bytes 0x000000000000000000000000000000000000dead0102" in rows
        assert "flags: PRE_INTERACTION_CALL, POST_INTERACTION_CALL, HAS_EXTENSION" in rows


def test_explain__funded_order_of_ours__shows_its_plan_and_lane(run_order: RunOrder) -> None:
    extension = OwnDomainTerms(private_taker=KEY.address, funding_plan=PLAN).encode()
    signed = sign_order(order_of(SETTLEMENT, extension=extension), OWN, KEY, extension)
    data = encode_fill(
        signed,
        amount=10**18,
        taker_traits=TakerTraits(maker_amount=True),
        function=FillFunction.FILL_ORDER_FUNDED,
    )
    done = run_order("explain", *AT_NOW, "--signer", KEY.address, stdin=to_hex(data))
    rows = _rows(done.out)
    assert f"domain pmm RfqSettlement, version 1, chain 1, contract {SETTLEMENT}" in rows
    assert "lane (series) 1, nonce 255" in rows
    assert f"private: only {KEY.address} may fill" in rows
    assert any("MORPHO_BLUE_LOAN" in row and "minimum profit 77 base units" in row for row in rows)
    assert "would fill now, as far as this can tell." in rows
    by_wrong_function = data.replace(data[:4], bytes.fromhex("f497df75"))
    rows = _rows(run_order("explain", *AT_NOW, "--domain", "pmm", stdin=to_hex(by_wrong_function)).out)
    assert "- function: an order with a funding plan fills by fillOrderFunded only (FundedOnly)" in rows


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=500, min_profit=7),
            "funding plan: UNISWAP_V3_SWAP, swap pool fee 500 pips, minimum profit 7 base units of the taker asset",
        ),
        (
            FundingPlan(
                source=FundingSource.UNISWAP_V3_FLASH,
                lending_fee_pips=3_000,
                leg=HedgeLeg.UNISWAP_V4_POOL,
                swap_fee_pips=500,
                tick_spacing=10,
                trades_ether=True,
                min_profit=7,
            ),
            "funding plan: UNISWAP_V3_FLASH, closed on UNISWAP_V4_POOL, swap pool fee 500 pips, "
            "lending pool fee 3000 pips, tick spacing 10, "
            "trading ether, minimum profit 7 base units of the taker asset",
        ),
    ],
)
def test_explain__funding_plan__says_what_it_uses(run_order: RunOrder, plan: FundingPlan, words: str) -> None:
    extension = OwnDomainTerms(funding_plan=plan).encode()
    signed = sign_order(order_of(SETTLEMENT, extension=extension), OWN, KEY, extension)
    data = encode_fill(
        signed,
        amount=10**18,
        taker_traits=TakerTraits(maker_amount=True),
        function=FillFunction.FILL_ORDER_FUNDED,
    )
    assert words in _rows(run_order("explain", *AT_NOW, stdin=to_hex(data)).out)


def test_explain__fill_on_our_settlement__is_told_apart_by_its_address(run_order: RunOrder) -> None:
    data = encode_fill(sign_order(order_of(SETTLEMENT), OWN, KEY), amount=1, taker_traits=TakerTraits())
    rows = _rows(run_order("explain", *AT_NOW, stdin=[{"calldata": to_hex(data), "to": SETTLEMENT}]).out)
    assert f"domain pmm RfqSettlement, version 1, chain 1, contract {SETTLEMENT}" in rows
    assert f"signer {KEY.address} (not the maker)" in rows
    rows = _rows(run_order("explain", *AT_NOW, stdin=to_hex(data)).out)
    assert any(
        row.endswith("(assumed: calldata does not name the contract; for ours add --domain pmm)")
        for row in rows
    )


def test_explain__contract_order__recovers_the_inner_signer(run_order: RunOrder) -> None:
    data = encode_fill(
        sign_order(order_of(SETTLEMENT), oneinch_domain(), KEY),
        amount=1,
        taker_traits=TakerTraits(),
        function=FillFunction.FILL_CONTRACT_ORDER,
    )
    rows = _rows(run_order("explain", *AT_NOW, "--signer", KEY.address, stdin=to_hex(data)).out)
    assert "signature 232 bytes (packed ERC-1271, long form): valid" in rows
    assert f"signer {KEY.address} (not the maker)" in rows


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (encode_call("cancelOrder", 257 << 120, bytes(32)), "series 0, nonce or epoch 257"),
        (encode_cancel_orders([(1, bytes(32))]), "orderHashes 0x" + "00" * 32),
        (encode_hash_order(order_of(SETTLEMENT)), "makingAmount 1000000000000000000"),
        (encode_call("epoch", parse_address(MAKER), 5), "series 5"),
    ],
)
def test_explain__call_that_fills_nothing__lists_its_arguments(
    run_order: RunOrder, data: bytes, row: str
) -> None:
    done = run_order("explain", stdin=to_hex(data))
    assert done.status == 0
    assert "(fills nothing)" in done.out
    assert row in _rows(done.out)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (VECTORS[0]["fillCalldata"][:500], "fillOrder: calldata ends after 249 bytes"),
        ("0x123", "calldata: expected 0x hex, found an odd number of digits"),
        (
            VECTORS[0]["fillCalldata"][:75] + "1" + VECTORS[0]["fillCalldata"][76:],
            "upper 12 bytes of the maker word",
        ),
        ("{}", "order: missing salt"),
        ('{"calldata": 5}', "order: missing salt"),
        ("hello", "malformed JSON"),
    ],
)
def test_explain__unreadable_line__is_an_error_and_the_rest_is_explained(
    run_order: RunOrder, line: str, message: str
) -> None:
    done = run_order("explain", *BEFORE_EXPIRY, stdin=f"{line}\n{json.dumps(SIGNED[0])}")
    assert done.status == 2
    assert "Line 1 could not be read." in done.out
    assert message in done.err
    assert f"digest {HASH}" in _rows(done.out)


def test_explain__calldata_of_another_protocol__says_so(run_order: RunOrder) -> None:
    done = run_order("explain", stdin="0xdac748d4" + "00" * 64 + "\n0x")
    assert done.status == 0
    assert "Call 0xdac748d4 (fillOtcOrder of 0x Exchange Proxy), 68 bytes" in done.out
    assert "Call 0x (unknown to pmm), 0 bytes" in done.out


def test_explain__6_real_fills__are_explained_without_error(run_order: RunOrder) -> None:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("PMM_DATA_DIR is not set: no recorded fills to explain")
    fills = json.loads((Path(folder) / "rfq" / "verified_orders.json").read_text())["fills"]
    done = run_order("explain", stdin=fills)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("Call 0x") == len(fills) == 6
    assert done.out.count("of 0x Exchange Proxy") == 5
    assert "contains a call of fillOrderRFQTo of 1inch V5 at byte 539" in done.out
