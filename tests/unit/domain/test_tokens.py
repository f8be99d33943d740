from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    DAI,
    MAINNET_TOKENS,
    USDC,
    USDT,
    WBTC,
    WETH,
    Address,
    Token,
    TokenRegistry,
    parse_address,
)
from pmm.errors import InvalidInput


@given(st.binary(min_size=20, max_size=20))
def test_parse_address__any_case_without_checksum__equals_eth_utils(data: bytes) -> None:
    expected = str(to_checksum_address(data))
    assert parse_address("0x" + data.hex()) == expected
    assert parse_address("0x" + data.hex().upper()) == expected
    assert parse_address(expected) == expected


def test_parse_address__one_letter_in_wrong_case__raises_and_shows_the_right_form() -> None:
    wrong = WETH.address.replace("C02aaA39", "c02aaA39")
    with pytest.raises(
        InvalidInput, match=r"makerAsset: wrong EIP-55 checksum in 0xc02aaA39.*expected 0xC02aaA39"
    ):
        parse_address(wrong, "makerAsset")


@pytest.mark.parametrize(
    "text",
    ["", "0x", "WETH", WETH.address[2:], WETH.address[:-1], WETH.address + "0", "0X" + "a" * 40, "0x" + "g" * 40,
     " " + WETH.address, WETH.address + "\n", "0x" + "\u0661" * 40, None, 5, b"\0" * 20],
)  # fmt: skip
def test_parse_address__not_an_address__raises(text: object) -> None:
    with pytest.raises(InvalidInput, match="expected an address"):
        parse_address(text)


def test_registry__mainnet_tokens__are_found_by_symbol_and_address() -> None:
    assert [token.symbol for token in MAINNET_TOKENS] == ["WETH", "USDC", "USDT", "DAI", "WBTC"]
    assert [token.decimals for token in (WETH, USDC, USDT, DAI, WBTC)] == [18, 6, 6, 18, 8]
    for token in MAINNET_TOKENS:
        assert MAINNET_TOKENS.get(token.symbol.lower()) is token
        assert MAINNET_TOKENS.get(token.address.lower()) is token
        assert MAINNET_TOKENS.find(token.address) is token
        assert token.address == str(to_checksum_address(token.address))


@pytest.mark.parametrize("key", ["SHIB", "0x" + "11" * 20, ""])
def test_get__unknown_token__raises_and_lists_known_ones(key: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"tokenIn: unknown token .* known tokens: WETH, USDC, USDT, DAI, WBTC"
    ):
        MAINNET_TOKENS.get(key, "tokenIn")


def test_registry__same_address_twice__raises() -> None:
    with pytest.raises(InvalidInput, match="listed twice"):
        TokenRegistry([WETH, Token(address=WETH.address, symbol="ETH2", decimals=18)])


def test_token__wrong_checksum_or_decimals__raises() -> None:
    with pytest.raises(InvalidInput, match="checksum"):
        Token(address=Address(WETH.address.replace("C02", "c02")), symbol="W", decimals=18)
    with pytest.raises(InvalidInput, match="decimals"):
        Token(address=WETH.address, symbol="W", decimals=256)
