"""Whether the settlement can sell what a fill on 1inch brings in within that fill, and of which pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.web3_node import Web3Node, word
from pmm.domain import ZERO_ADDRESS, Address, Token, address_from_bytes, parse_address
from pmm.errors import ChainError

_HOOKS, _CORE, _PRICE_WORD = "routerHooks()", "coreTokens()", "priceWord(address)"
FILL_HEDGING_CALLS: Final = (_HOOKS, _CORE, _PRICE_WORD)
"""Functions of RfqSettlement called here; a test compares them with the contract's ABI."""
# The word of PriceBand: a byte per core token from bit 192 on, the feed in the lowest 160 bits.
_BANDS_SHIFT, _MASK_160 = 192, (1 << 160) - 1
_NO_LIMIT = 255
_BPS_PER_UNIT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FillHedging:
    """What the chain says of hedges inside fills.

    Attributes:
        hooks: RouterHooks of the settlement; None where it has none.
        bands_bps: by base and quote of the pairs that can be, how far a sale may fall below the feeds; None for no
            limit.
        faults: what is missing, a sentence each.
    """

    hooks: Address | None = None
    bands_bps: Mapping[tuple[Address, Address], int | None] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def find_fill_hedging(
    node: Web3Node, settlement: Address, pairs: Sequence[tuple[Token, Token]], *, hedger_fault: str | None
) -> FillHedging:
    """Return what can be hedged inside fills; asking at the start is enough, as for the hedger.

    Args:
        node: the chain.
        settlement: the settlement contract.
        pairs: base and quote of what is quoted.
        hedger_fault: what ``pmm.chain.hedger`` found wrong with the hedger.

    Raises ChainError for answers that cannot be right.
    """
    tokens = {token.address: token for pair in pairs for token in pair}
    calls = [(settlement, encode_call(_HOOKS)), (settlement, encode_call(_CORE))]
    calls += [(settlement, encode_call(_PRICE_WORD, one)) for one in tokens]
    hooks_word, core_words, *words = node.multicall(calls, block="latest")
    hooks = address_from_bytes(hooks_word[12:32]) if hooks_word and len(hooks_word) >= 32 else ZERO_ADDRESS
    if hooks == ZERO_ADDRESS:
        return FillHedging(
            faults=(f"expected RouterHooks of {settlement}, found none; deploy it by `ape run deploy hooks`",)
        )
    if hedger_fault is not None:
        return FillHedging(hooks=hooks, faults=(hedger_fault,))
    core = _core(core_words)
    prices = {
        one: word(answer, what=f"price word of {tokens[one].symbol}")
        for one, answer in zip(tokens, words, strict=True)
    }
    bands: dict[tuple[Address, Address], int | None] = {}
    faults: list[str] = []
    for base, quote in pairs:
        units = _units(prices, core, base.address, quote.address)
        unfed = [one.symbol for one in (base, quote) if not prices[one.address] & _MASK_160]
        if units == 0:
            faults.append(
                f"{base.symbol}/{quote.symbol}: expected a band of the pair in the settlement, found none; "
                "setBand sets one"
            )
        elif units != _NO_LIMIT and unfed:
            faults.append(
                f"{base.symbol}/{quote.symbol}: expected feeds of both in the settlement, found none of "
                f"{' and '.join(unfed)}; setFeed sets one"
            )
        else:
            bands[base.address, quote.address] = None if units == _NO_LIMIT else units * _BPS_PER_UNIT
    return FillHedging(hooks=hooks, bands_bps=bands, faults=tuple(faults))


def _core(answer: bytes | None) -> list[Address]:
    try:
        (found,) = decode_result(("address[]",), answer or b"")
    except DecodingError as error:
        raise ChainError(
            f"expected the core tokens of the settlement, found {len(answer or b'')} bytes"
        ) from error
    return [parse_address(one) for one in found]


def _units(prices: Mapping[Address, int], core: Sequence[Address], base: Address, quote: Address) -> int:
    """Return the band of a pair in units of 5 bps: in the word of one token, at the place of the other."""
    for token, other in ((base, quote), (quote, base)):
        if other in core:
            return prices[token] >> (_BANDS_SHIFT + 8 * core.index(other)) & _NO_LIMIT
    return 0
