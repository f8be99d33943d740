from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import ORDER_TYPEHASH
from tests.unit.cli.order_command import RunOrder, run_order

__all__ = ["run_order"]

_FILE = Path(__file__).parents[2] / "data" / "lop_v4.json"
DATA: dict[str, Any] = json.loads(_FILE.read_text())
VECTORS: list[dict[str, Any]] = DATA["vectors"]
KEY: str = DATA["privateKey"]
MAKER: str = DATA["maker"]
UNSIGNED = [{**vector["order"], "extension": vector["extension"]} for vector in VECTORS]
SIGNED = [
    {**record, "signature": vector["signature"]} for record, vector in zip(UNSIGNED, VECTORS, strict=True)
]
ORDER = UNSIGNED[0]
HASH: str = VECTORS[0]["orderHash"]
BEFORE_EXPIRY = ("--now", "1799999999")
FIVE = ["orderHash", "signature", "signer", "valid", "reasons"]


# ---------------------------------------------------------------- hash and input


def test_hash__json_lines__gives_the_five_keys_for_each(run_order: RunOrder) -> None:
    done = run_order("hash", stdin=UNSIGNED)
    assert done.status == 0
    assert [record["orderHash"] for record in done.records] == [vector["orderHash"] for vector in VECTORS]
    assert all(list(record) == FIVE for record in done.records)
    assert all(record["valid"] is None for record in done.records)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ORDER),
        json.dumps(ORDER, indent=2),
        json.dumps([ORDER]),
        "\ufeff" + json.dumps(ORDER) + "\r\n\r\n",
        json.dumps({"order": ORDER, "signature": SIGNED[0]["signature"]}),
        json.dumps({"data": ORDER, "orderHash": HASH}),
        json.dumps({**ORDER, "salt": 1, "makingAmount": hex(10**18)}),
        json.dumps({**ORDER, "makerTraits": str(int(ORDER["makerTraits"], 16))}),
        json.dumps({key: value for key, value in ORDER.items() if key not in ("receiver", "extension")}),
        json.dumps({**ORDER, "domain": DATA["domain"]}),
        json.dumps({**ORDER, "chainId": "0x1", "verifyingContract": DATA["domain"]["verifyingContract"].lower()}),
    ],
)  # fmt: skip
def test_hash__any_form_of_one_order__is_its_hash(run_order: RunOrder, text: str) -> None:
    done = run_order("hash", stdin=text)
    assert (done.status, [record["orderHash"] for record in done.records]) == (0, [HASH])


def test_hash__domain_by_option_or_record__changes_the_hash(run_order: RunOrder) -> None:
    by_option = run_order("hash", "--domain", "pmm", stdin=[ORDER]).records
    by_record = run_order("hash", stdin=[{**ORDER, "domain": "pmm"}]).records
    by_contract = run_order("hash", stdin=[{**ORDER, "verifyingContract": MAKER}]).records
    assert by_option == by_record == by_contract
    assert by_option[0]["orderHash"] != HASH
    assert run_order("hash", "--chain-id", "10", stdin=[ORDER]).records[0]["orderHash"] != HASH


def test_hash__claimed_hash__is_checked(run_order: RunOrder) -> None:
    right, wrong = run_order(
        "hash", stdin=[{**ORDER, "orderHash": HASH}, {**ORDER, "orderHash": "0x" + "00" * 32}]
    ).records
    assert (right["valid"], wrong["valid"]) == (True, False)
    assert wrong["reasons"][0].startswith("hash_mismatch: expected 0x0370")
    assert run_order("hash", stdin=[{**ORDER, "orderHash": "0x" + "00" * 32}]).status == 1


def test_hash__bad_line_among_good_ones__gets_an_error_record_and_the_others_an_answer(
    run_order: RunOrder,
) -> None:
    text = "\n".join([json.dumps(UNSIGNED[0]), '{"salt": 1', "", json.dumps(UNSIGNED[1]), "[]", "7"])
    done = run_order("hash", stdin=text)
    assert done.status == 2
    first, bad, second, array, number = done.records
    assert first["orderHash"] == HASH
    assert second["orderHash"] == VECTORS[1]["orderHash"]
    assert (bad["line"], array["line"], number["line"]) == (2, 5, 6)
    assert bad["error"].startswith("malformed JSON: ")
    assert array["error"] == "expected one JSON object, or one per line, found []"
    assert done.err.splitlines()[0].startswith("error: line 2: malformed JSON")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"makingAmount": "0"}, "makingAmount: expected at least 1 base unit, found 0"),
        ({"takingAmount": "-5"}, "takingAmount: expected a number >= 0, found '-5'"),
        ({"makingAmount": str(2**256)}, "makingAmount: expected at most 256 bits, found 257 bits"),
        ({"makingAmount": 1e18}, "makingAmount: expected a decimal string or 0x hex, found 1e+18"),
        ({"makingAmount": 10**18}, "makingAmount: JSON numbers above 2^53-1 lose digits"),
        ({"makerAsset": ORDER["makerAsset"].replace("C02", "c02")}, "makerAsset: wrong EIP-55 checksum"),
        ({"makerAsset": "WETH"}, "makerAsset: expected an address"),
        ({"maker": None}, "maker: expected an address"),
        ({"maker": "0x" + "0" * 40}, "maker: expected an address, found the zero address"),
        ({"makerTraits": "0x" + "f" * 65}, "makerTraits: expected at most 256 bits"),
        ({"extension": "0xabc"}, "extension: expected 0x hex, found an odd number of digits"),
        ({"signature": "hello"}, "signature: expected 0x hex"),
        ({"orderHash": "0x12"}, "orderHash: expected 32 bytes, found 1"),
        ({"chainId": 0}, "chainId: expected at least 1"),
        ({"chainId": "main"}, "chainId: expected a decimal string"),
        ({"chainId": 424242}, "chainId: 1inch's router address on chain 424242 is not known"),
        ({"domain": "2inch"}, "domain: expected 1inch or pmm"),
        ({"verifyingContract": "0x12"}, "verifyingContract: expected an address"),
    ],
)
def test_hash__wrong_field__is_named_in_one_line_with_exit_2(
    run_order: RunOrder, change: dict[str, Any], message: str
) -> None:
    done = run_order("hash", stdin=[{**ORDER, **change}])
    assert done.status == 2
    assert message in done.records[0]["error"]
    assert done.err.count("\n") == 1
    assert done.err.startswith("error: line 1: ")


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "found nothing"),
        (b" \n\n", "found nothing"),
        (b"[]", "found an empty array"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{\n"salt": 1,\n', "malformed JSON"),
    ],
)
def test_hash__nothing_readable__is_one_error_line(run_order: RunOrder, stdin: bytes, message: str) -> None:
    done = run_order("hash", stdin=stdin)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "text", ['{"salt": 1, "salt": 2}', "[" * 100_000, '{"a":' * 100_000, "nope", '"text"', "NaN"]
)
def test_hash__json_that_is_no_order__is_an_error_with_exit_2(run_order: RunOrder, text: str) -> None:
    done = run_order("hash", stdin=text)
    assert done.status == 2
    assert "Traceback" not in done.err


def test_hash__option_contradicts_the_record__is_an_error(run_order: RunOrder) -> None:
    done = run_order("hash", "--chain-id", "10", stdin=[{**ORDER, "chainId": 1}])
    assert done.status == 2
    assert "chainId: the option says 10, the record 1" in done.err


def test_hash__terminal_as_input__says_what_to_do() -> None:
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pmm", "order", "hash"],
            stdin=follower, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(leader)
        os.close(follower)
    assert done.returncode == 2
    assert "found a terminal; pipe a file" in done.stderr


# ---------------------------------------------------------------- verify


def test_verify__vectors__are_valid(run_order: RunOrder) -> None:
    done = run_order("verify", *BEFORE_EXPIRY, stdin=SIGNED)
    assert done.status == 0
    assert all(list(record) == FIVE for record in done.records)
    assert [(record["valid"], record["signer"], record["reasons"]) for record in done.records] == [
        (True, MAKER, [])
    ] * 3


def test_verify__expired__stays_valid_with_a_reason(run_order: RunOrder) -> None:
    done = run_order("verify", "--now", "1800000001", stdin=SIGNED[:1])
    assert (done.status, done.records[0]["valid"]) == (0, True)
    assert done.records[0]["reasons"] == ["expired: at 2027-01-15 08:00:00 UTC, 1 second ago (OrderExpired)"]
    assert run_order("verify", "--now", "1800000000", stdin=SIGNED[:1]).records[0]["reasons"] == []


def test_verify__one_invalid_signature__exits_1_and_answers_all(run_order: RunOrder) -> None:
    forged = {**SIGNED[0], "makingAmount": "2000000000000000000"}
    done = run_order("verify", *BEFORE_EXPIRY, stdin=[forged, SIGNED[1]])
    assert done.status == 1
    assert [record["valid"] for record in done.records] == [False, True]
    assert done.records[0]["reasons"][0].startswith("signer_mismatch: expected the maker 0x19E7")
    assert run_order("verify", stdin=[forged, {}]).status == 2


def test_verify__private_order__names_a_taker_who_may_not_fill(run_order: RunOrder) -> None:
    allowed, other = "0x00000000219ab540356cbb839cbe05303d7705fa", "0x" + "11" * 20
    arguments = ("verify", *BEFORE_EXPIRY, "--taker")
    assert run_order(*arguments, allowed, stdin=SIGNED[1:2]).records[0]["reasons"] == []
    assert run_order(*arguments, other, stdin=SIGNED[1:2]).records[0]["reasons"][0].startswith("private: ")


@pytest.mark.parametrize(
    "option", [("--signer", "0x12"), ("--taker", "me"), ("--now", "soon"), ("--domain", "x")]
)
def test_verify__malformed_option__is_one_line_with_exit_2(
    run_order: RunOrder, option: tuple[str, str]
) -> None:
    done = run_order("verify", *option, stdin=SIGNED)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_verify__20_real_orders__are_valid(run_order: RunOrder) -> None:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("PMM_DATA_DIR is not set: no recorded orders to verify")
    orders = json.loads((Path(folder) / "rfq" / "verified_orders.json").read_text())["orders_1inch_v6"]
    done = run_order("verify", stdin=orders)
    assert done.status == 0
    assert len(done.records) == 20
    assert all(record["valid"] for record in done.records)
    assert [record["orderHash"] for record in done.records] == [order["orderHash"] for order in orders]


def test_pmm_order__hash__imports_neither_web3_nor_eth_account() -> None:
    script = (
        "import sys; from pmm.cli import main; main(['order', 'hash'])\n"
        "import pmm.cli.order\n"
        "print([name for name in ('web3', 'eth_account', 'httpx', 'ape') if name in sys.modules])"
    )
    script = script.replace("main(['order', 'hash'])", "import pmm.cli.order")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
    assert len(ORDER_TYPEHASH) == 32
