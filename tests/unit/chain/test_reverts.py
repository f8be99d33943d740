"""Revert data in words: every error of every ABI has its sentence, and no data at all can break the decoder."""

from __future__ import annotations

from string import Formatter
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.abi import encode_call, selector
from pmm.chain.revert_sentences import ROUTER_SENTENCES, SENTENCES
from pmm.chain.reverts import AbiError, abi_errors, explain_revert
from pmm.domain import WETH

ERRORS = list(abi_errors())
_SAMPLES: dict[str, Any] = {
    "address": WETH.address,
    "uint256": 1_700_000_000,
    "uint8": 2,
    "uint24": 500,
    "int256": -7,
    "bytes32": b"\x11" * 32,
    "bytes": b"",
}


def _sample(error: AbiError) -> bytes:
    return selector(error.signature) + encode(error.types, [_SAMPLES[kind] for kind in error.types])


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.contract}.{error.signature}")
def test_sentences__every_error_of_every_abi__has_one_that_fits(error: AbiError) -> None:
    assert error.signature in SENTENCES, f"write a sentence for {error.signature}"
    # Contracts may name the arguments of the same error differently: then the sentence counts them.
    fields = {field for _, field, _, _ in Formatter().parse(SENTENCES[error.signature]) if field is not None}
    assert fields <= {*error.names, *map(str, range(len(error.types)))}
    found = explain_revert(_sample(error))
    assert (found.name, len(found.arguments)) == (error.name, len(error.types))
    assert len(found.sentence) > 20
    assert "{" not in found.sentence


def test_explain_revert__arguments__are_shown_as_what_they_are() -> None:
    assert str(
        explain_revert(encode_call("OrderExpired(uint256,uint256)", 1_700_000_000, 1_700_000_001))
    ) == (
        "OrderExpired(expiration=1700000000, timestamp=1700000001): the order expired at 2023-11-14 22:13:20 UTC, "
        "the block is of 2023-11-14 22:13:21 UTC; ask for a new quote"
    )
    assert f"token {WETH.address} (WETH) is not traded" in str(
        explain_revert(encode_call("UnregisteredToken(uint256)", int(WETH.address, 16)))
    )
    assert "no address: more than 160 bits" in str(explain_revert(encode_call("BadMaker(uint256)", 1 << 160)))
    assert "refused here: 0x4000" in str(explain_revert(encode_call("UnsupportedTraits(uint256)", 0x4000)))


def test_explain_revert__token_refusal__is_told_to_the_bottom() -> None:
    inner = encode_call("Error(string)", "ERC20: transfer amount exceeds balance")
    found = explain_revert(encode_call("TokenCallFailed(address,bytes)", WETH.address, inner))
    assert "Error(message=ERC20: transfer amount exceeds balance)" in found.sentence


def test_explain_revert__nested_without_end__stops() -> None:
    data = b""
    for _ in range(30):
        data = encode_call("TokenCallFailed(address,bytes)", WETH.address, data)
    assert "nested too deeply" in str(explain_revert(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "reverted without data"),
        (b"\x01\x02", "fewer bytes than an error's selector"),
        (b"\xde\xad\xbe\xef" + bytes(32), "none of ours or 1inch's"),
        (encode_call("Panic(uint256)", 0x11), "Panic(code=0x11): arithmetic overflowed"),
        (encode_call("Panic(uint256)", 0x99), "Panic(code=0x99): an unknown fault"),
        (selector("Error(string)"), "arguments of Error(string) are cut"),
        (encode_call("OrderExpired(uint256,uint256)", 1, 2)[:-1], "OrderExpired(uint256,uint256) are cut"),
        (encode_call("BitInvalidatedOrder()"), "1inch: the nonce is filled or cancelled"),
        (encode_call("BadSignature()"), "r and vs recover nobody"),
    ],
)  # fmt: skip
def test_explain_revert__other_data__is_named_or_said_to_be_unknown(data: bytes, expected: str) -> None:
    assert expected in str(explain_revert(data))


@given(st.sampled_from([b"", *(selector(error.signature) for error in ERRORS)]), st.binary(max_size=200))
def test_explain_revert__any_bytes__never_raises(head: bytes, body: bytes) -> None:
    assert str(explain_revert(head + body))


def test_router_sentences__none__shares_its_signature_with_another_meaning_of_ours() -> None:
    assert not set(ROUTER_SENTENCES) & set(SENTENCES)
