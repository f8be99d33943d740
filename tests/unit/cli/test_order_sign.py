"""``pmm order sign``: where the key comes from, what is refused, and that no output ever shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from pmm.cli.order_answers import check_live_signing
from pmm.domain import (
    CONTRACT_SIGNATURE_LENGTH,
    SHORT_CONTRACT_SIGNATURE_LENGTH,
    oneinch_domain,
    parse_address,
    settlement_domain,
)
from pmm.errors import UnsafeToSign
from tests.unit.cli.order_command import Outcome, RunOrder, run_order
from tests.unit.cli.test_order import BEFORE_EXPIRY, KEY, MAKER, ORDER, UNSIGNED, VECTORS

__all__ = ["run_order"]

ENV = {"ORDER_KEY": KEY}
LIVE = {**ENV, "PMM_LIVE": "1"}
BY_ENV = ("sign", "--key-env", "ORDER_KEY", *BEFORE_EXPIRY)
SETTLEMENT = "0x00000000000000000000000000000000005e771E"


def _without_secret(done: Outcome) -> Outcome:
    assert KEY.removeprefix("0x") not in done.out + done.err
    return done


def _write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_sign__live_on_chain_1__equals_the_vectors(run_order: RunOrder) -> None:
    done = _without_secret(run_order(*BY_ENV, stdin=UNSIGNED, env=LIVE))
    assert done.status == 0
    assert [record["signature"] for record in done.records] == [vector["signature"] for vector in VECTORS]
    assert all((record["valid"], record["signer"]) == (True, MAKER) for record in done.records)


@pytest.mark.parametrize(
    "live", [{}, {"PMM_LIVE": ""}, {"PMM_LIVE": "0"}, {"PMM_LIVE": "true"}, {"PMM_LIVE": "11"}]
)
@pytest.mark.parametrize("options", [(), ("--domain", "pmm"), ("--chain-id", "1")])
def test_sign__chain_1_without_pmm_live__signs_nothing_and_says_what_to_do(
    run_order: RunOrder, live: dict[str, str], options: tuple[str, ...]
) -> None:
    done = _without_secret(run_order(*BY_ENV, *options, stdin=UNSIGNED, env={**ENV, **live}))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: chain id 1 is mainnet, and every fork of it")
    assert "Set PMM_LIVE=1" in done.err
    assert done.err.count("\n") == 1


def test_sign__chain_1_in_the_record__is_refused_too(run_order: RunOrder) -> None:
    other = {**ORDER, "chainId": 10}
    done = run_order(*BY_ENV, stdin=[{**ORDER, "chainId": 1}, other], env=ENV)
    assert (done.status, done.out) == (1, "")


def test_sign__chain_1_without_pmm_live__does_not_even_read_the_key(
    run_order: RunOrder, tmp_path: Path
) -> None:
    done = run_order("sign", "--key-file", str(tmp_path / "absent"), stdin=[ORDER])
    assert done.err.startswith("error: chain id 1 is mainnet")


def test_check_live_signing__other_chain_or_live__passes() -> None:
    check_live_signing(oneinch_domain(10), None)
    check_live_signing(oneinch_domain(1), "1")
    with pytest.raises(UnsafeToSign):
        check_live_signing(settlement_domain(1, parse_address(SETTLEMENT)), None)


@pytest.mark.parametrize("compact", [False, True])
def test_sign__other_chain__pipes_into_verify(run_order: RunOrder, compact: bool) -> None:
    options = ("--compact",) if compact else ()
    signed = run_order(*BY_ENV, "--chain-id", "10", *options, stdin=UNSIGNED, env=ENV)
    assert signed.status == 0
    assert {len(record["signature"]) for record in signed.records} == {2 + 2 * (64 if compact else 65)}
    checked = run_order("verify", *BEFORE_EXPIRY, stdin=signed.out)
    assert checked.status == 0
    assert [record["orderHash"] for record in checked.records] == [
        record["orderHash"] for record in signed.records
    ]


def test_sign__own_domain__is_verified_with_its_signer(run_order: RunOrder) -> None:
    order = {**ORDER, "maker": SETTLEMENT}
    signed = run_order(*BY_ENV, "--domain", "pmm", stdin=[order], env=LIVE)
    assert signed.records[0]["verifyingContract"].lower() == SETTLEMENT.lower()
    assert (
        run_order("verify", *BEFORE_EXPIRY, "--signer", MAKER, stdin=signed.out).records[0]["valid"] is True
    )
    unknown = run_order("verify", *BEFORE_EXPIRY, stdin=signed.out)
    assert unknown.status == 1
    assert unknown.records[0]["reasons"][0].startswith("signer_unknown: ")


def test_sign__contract_maker_on_1inch__gives_the_packed_form(run_order: RunOrder) -> None:
    order = {**ORDER, "maker": SETTLEMENT}
    signed = run_order(*BY_ENV, "--contract", stdin=[order], env=LIVE)
    assert len(signed.records[0]["signature"]) == 2 + 2 * CONTRACT_SIGNATURE_LENGTH
    checked = run_order("verify", *BEFORE_EXPIRY, "--signer", MAKER, stdin=signed.out)
    assert (checked.status, checked.records[0]["signer"], checked.records[0]["valid"]) == (0, MAKER, True)


def test_sign__plain_order_of_core_tokens__gives_the_short_form(run_order: RunOrder) -> None:
    tokens = [option for name in ("makerAsset", "takerAsset") for option in ("--core-token", ORDER[name])]
    order = {**ORDER, "maker": SETTLEMENT, "salt": str(7 << 160)}
    signed = run_order(*BY_ENV, "--contract", *tokens, stdin=[order], env=LIVE)
    assert len(signed.records[0]["signature"]) == 2 + 2 * SHORT_CONTRACT_SIGNATURE_LENGTH
    checked = run_order("verify", *BEFORE_EXPIRY, "--signer", MAKER, stdin=signed.out)
    assert (checked.status, checked.records[0]["signer"], checked.records[0]["valid"]) == (0, MAKER, True)
    # A salt with something in its low bits needs the long form.
    signed = run_order(*BY_ENV, "--contract", *tokens, stdin=[{**order, "salt": "1"}], env=LIVE)
    assert len(signed.records[0]["signature"]) == 2 + 2 * CONTRACT_SIGNATURE_LENGTH


@pytest.mark.parametrize(
    ("record", "options", "message"),
    [
        (ORDER, ("--core-token", SETTLEMENT), "--core-token: expected --contract beside it"),
        (
            {**ORDER, "maker": SETTLEMENT, "makerTraits": hex(int(ORDER["makerTraits"], 16) | 1 << 234)},
            ("--contract",),
            "--contract: no settlement accepts this order. traits: refused in our orders on 1inch: decay",
        ),
        ({**ORDER, "maker": SETTLEMENT}, (), "maker: expected the key's address 0x19E7"),
        (ORDER, ("--domain", "pmm", "--contract"), "--contract: the packed form is for 1inch's domain"),
        ({**ORDER, "orderHash": "0x" + "11" * 32}, (), "orderHash: expected 0x0370"),
        ({**ORDER, "extension": "0x" + "00" * 33}, (), "an extension but traits without HAS_EXTENSION"),
        ({**UNSIGNED[2], "extension": "0x"}, (), "HAS_EXTENSION but no extension"),
        ({**UNSIGNED[2], "salt": "1"}, (), "the low 160 bits of salt"),
    ],
)
def test_sign__order_the_key_cannot_sign__is_an_error_record(
    run_order: RunOrder, record: dict[str, Any], options: tuple[str, ...], message: str
) -> None:
    done = run_order(*BY_ENV, *options, stdin=[record], env=LIVE)
    assert done.status == 2
    assert message in done.records[0]["error"]
    assert "signature" not in done.records[0]


# ---------------------------------------------------------------- where the key comes from


@pytest.mark.parametrize("text", [KEY, KEY + "\n", KEY.removeprefix("0x")])
def test_sign__private_key_file__signs(run_order: RunOrder, tmp_path: Path, text: str) -> None:
    path = _write(tmp_path / "key", text)
    done = _without_secret(run_order("sign", "--key-file", str(path), "--chain-id", "10", stdin=[ORDER]))
    assert (done.status, done.records[0]["signer"]) == (0, MAKER)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_sign__key_file_that_others_can_read__is_refused(
    run_order: RunOrder, tmp_path: Path, mode: int
) -> None:
    path = _write(tmp_path / "key", KEY, mode)
    done = _without_secret(run_order("sign", "--key-file", str(path), "--chain-id", "10", stdin=[ORDER]))
    assert (done.status, done.out) == (1, "")
    assert f"expected mode 0600, found {mode:04o}" in done.err
    assert f"chmod 600 {path}" in done.err


def test_sign__keystore_and_its_password__signs(run_order: RunOrder, tmp_path: Path) -> None:
    keystore = _write(
        tmp_path / "keystore.json",
        json.dumps(Account.encrypt(bytes.fromhex(KEY[2:]), "correct", iterations=2)),
    )
    arguments = ("sign", "--keystore", str(keystore), "--chain-id", "10")
    done = _without_secret(
        run_order(*arguments, "--password-env", "PW", stdin=[ORDER], env={"PW": "correct"})
    )
    assert (done.status, done.records[0]["signer"]) == (0, MAKER)
    password = _write(tmp_path / "password", "correct\n")
    assert run_order(*arguments, "--password-file", str(password), stdin=[ORDER]).status == 0
    wrong = _without_secret(
        run_order(*arguments, "--password-env", "PW", stdin=[ORDER], env={"PW": "mistaken"})
    )
    assert wrong.status == 2
    assert "found that they do not fit" in wrong.err
    assert "mistaken" not in wrong.err + wrong.out


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        ((), {}, "expected exactly one of --key-env NAME, --key-file PATH, --keystore PATH; found 0"),
        (("--key-env", "A", "--key-file", "b"), {}, "found 2"),
        (("--key-env", "ABSENT_KEY"), {}, "environment variable ABSENT_KEY is not set"),
        (("--key-env", "NOT A NAME"), {}, "expected the NAME of an environment variable"),
        (("--key-env", "K"), {"K": KEY[:-1]}, "signing key: expected 64 hex digits, found 65 characters"),
        (("--key-env", "K"), {"K": "0x" + "0" * 64}, "signing key: expected 32 bytes in the curve's range"),
        (("--key-file", "/nonexistent/key"), {}, "key file /nonexistent/key: No such file"),
        (("--key-file", "/dev/null"), {}, "expected a regular file"),
        (
            ("--keystore", __file__, "--password-env", "P"),
            {"P": "x"},
            "expected an encrypted eth-account file",
        ),
    ],
)
def test_sign__no_usable_key__is_one_clear_error(
    run_order: RunOrder, arguments: tuple[str, ...], env: dict[str, str], message: str
) -> None:
    done = _without_secret(run_order("sign", "--chain-id", "10", *arguments, stdin=[ORDER], env=env))
    assert done.status == 2
    assert message in done.err
    assert KEY[2:-1] not in done.err + done.out


def test_sign__key_given_as_the_argument__is_refused_and_not_repeated(run_order: RunOrder) -> None:
    done = _without_secret(run_order("sign", "--key-env", KEY, "--chain-id", "10", stdin=[ORDER]))
    assert (done.status, done.out) == (1, "")
    assert "treat that key as stolen" in done.err
