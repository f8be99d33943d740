"""Addresses with their EIP-55 checksum, tokens, and the registry of those we quote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from pmm.domain.native_backends import keccak256
from pmm.domain.words import check_uint, excerpt
from pmm.errors import InvalidInput

Address = NewType("Address", str)
"""A 20-byte address as ``0x`` and 40 hex digits in EIP-55 case: equal addresses are equal strings."""

ZERO_ADDRESS = Address("0x" + "0" * 40)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@lru_cache(maxsize=8192)
def _with_checksum(digits: str) -> Address:
    # EIP-55: a letter is upper case where the hash of the lower-case hex digits has a nibble >= 8.
    nibbles = keccak256(digits.encode("ascii")).hex()
    pairs = zip(digits, nibbles, strict=False)
    return Address("0x" + "".join(c.upper() if n >= "8" else c for c, n in pairs))


# What was parsed before, as it was written: every order names the same few.
_PARSED: dict[str, Address] = {}
_MOST_PARSED = 8192


def parse_address(value: object, name: str = "address") -> Address:
    """Return the checksummed form of an address.

    All-lower and all-upper hex are accepted; mixed case must carry the right EIP-55 checksum.
    Raises InvalidInput naming the field and the form expected.
    """
    if type(value) is str:
        known = _PARSED.get(value)
        if known is not None:
            return known
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise InvalidInput(f"{name}: expected an address (0x and 40 hex digits), found {excerpt(value)}")
    digits = value[2:]
    address = _with_checksum(digits.lower())
    if value != address and digits != digits.lower() and digits != digits.upper():
        raise InvalidInput(
            f"{name}: wrong EIP-55 checksum in {value}; expected {address}. "
            "Check the address, or write it all in lower case if you are sure of it"
        )
    if len(_PARSED) >= _MOST_PARSED:
        _PARSED.clear()
    _PARSED[value] = address
    return address


def address_from_bytes(data: bytes) -> Address:
    """Return the address of 20 bytes; raise InvalidInput for another length."""
    if len(data) != 20:
        raise InvalidInput(f"address: expected 20 bytes, found {len(data)}")
    return _with_checksum(data.hex())


def address_to_bytes(address: Address) -> bytes:
    """Return the 20 bytes of an address."""
    return bytes.fromhex(address[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An ERC-20 token; ``decimals`` places the point in a base-unit amount."""

    address: Address
    symbol: str
    decimals: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", parse_address(self.address, "token address"))
        check_uint(self.decimals, f"decimals of {self.symbol}", bits=8)
        if not self.symbol or self.symbol.startswith("0x"):
            raise InvalidInput(f"token symbol: expected a name such as 'WETH', found {excerpt(self.symbol)}")


class TokenRegistry:
    """The closed list of tokens we deal in, found by address or by symbol (in any case)."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._by_address: dict[Address, Token] = {}
        self._by_symbol: dict[str, Token] = {}
        for token in tokens:
            if token.address in self._by_address or token.symbol.upper() in self._by_symbol:
                raise InvalidInput(f"token registry: {token.symbol} at {token.address} is listed twice")
            self._by_address[token.address] = token
            self._by_symbol[token.symbol.upper()] = token

    def __iter__(self) -> Iterator[Token]:
        return iter(self._by_address.values())

    def __len__(self) -> int:
        return len(self._by_address)

    def __contains__(self, address: object) -> bool:
        return address in self._by_address

    def find(self, address: Address) -> Token | None:
        """Return the token at a checksummed address, or None."""
        return self._by_address.get(address)

    def get(self, key: str, name: str = "token") -> Token:
        """Return the token with this address or symbol; raise InvalidInput listing the known ones."""
        if key.startswith("0x"):
            token = self._by_address.get(parse_address(key, name))
        else:
            token = self._by_symbol.get(key.upper())
        if token is None:
            known = ", ".join(token.symbol for token in self)
            raise InvalidInput(f"{name}: unknown token {excerpt(key)}; known tokens: {known}")
        return token


WETH = Token(address=Address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), symbol="WETH", decimals=18)
USDC = Token(address=Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), symbol="USDC", decimals=6)
USDT = Token(address=Address("0xdAC17F958D2ee523a2206206994597C13D831ec7"), symbol="USDT", decimals=6)
DAI = Token(address=Address("0x6B175474E89094C44Da98b954EedeAC495271d0F"), symbol="DAI", decimals=18)
WBTC = Token(address=Address("0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599"), symbol="WBTC", decimals=8)

MAINNET_TOKENS = TokenRegistry((WETH, USDC, USDT, DAI, WBTC))
