"""Aave V3 and Compound V2 as our lending account stands in them, read in the same batch as the rest.

Rates, liquidity, balances and limits as the markets and the account say them; what can be provided is worked out by
``pmm.pricing.hedge_venues``. Accounts and markets are found once, at the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.addresses import AAVE_V3_POOL, COMPOUND_V2_CETH, COMPOUND_V2_COMPTROLLER
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import WETH, ZERO_ADDRESS, Address, Token, address_from_bytes, parse_address
from pmm.domain.hook_payloads import InventorySource
from pmm.errors import ChainError
from pmm.pricing import FeedReading, LendingReading

_COMPOUND: Final = "compound_v2"
_WAD: Final = 10**18
_RAY_PER_WAD: Final = 10**9
# Aave's base currency has 8 decimals; Compound's comptroller answers in wad.
_AAVE_USD_TO_WAD: Final = 10**10
_BPS_TO_WAD: Final = 10**14
# Compound V2 books interest per block, one each 12 seconds.
_BLOCKS_PER_YEAR: Final = 365 * 86_400 // 12
_RESERVE_WORDS: Final = 15
_SUPPLY_RATE, _BORROW_RATE, _A_TOKEN = 2, 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingPlan:
    """What is read: ``a_tokens`` per token of Aave V3, ``c_tokens`` per token of Compound V2."""

    account: Address
    hooks: Address
    a_tokens: Mapping[Address, Address]
    c_tokens: Mapping[Address, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingFound:
    """A reading per market and token, without those of the markets in ``unknown``, which says why per market."""

    readings: tuple[LendingReading, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


def find_lending(node: Web3Node, settlement: Address, tokens: Sequence[Token]) -> LendingPlan | None:
    """Return the lending account and hooks that the settlement contract has, with their markets; None without both.

    Raises ChainError for answers that cannot be right.
    """
    account, hooks = _joined(node, settlement)
    if ZERO_ADDRESS in (account, hooks):
        return None
    asked: list[Call] = [
        (AAVE_V3_POOL, encode_call("getReserveData(address)", one.address)) for one in tokens
    ]
    (listed, *reserves) = node.multicall(
        [(account, encode_call("compoundMarkets()")), *asked], block="latest"
    )
    a_tokens = {
        token.address: found
        for token, answer in zip(tokens, reserves, strict=True)
        if (found := _a_token(answer)) != ZERO_ADDRESS
    }
    markets = [
        parse_address(one) for one in _decoded(("address[]",), listed, "the lending account's markets")[0]
    ]
    underlying = node.multicall([(one, encode_call("underlying()")) for one in markets], block="latest")
    c_tokens = {
        # Compound's cETH has no underlying: it is ether, which the account wraps.
        WETH.address if one == COMPOUND_V2_CETH else _address(answer): one
        for one, answer in zip(markets, underlying, strict=True)
    }
    return LendingPlan(account=account, hooks=hooks, a_tokens=a_tokens, c_tokens=c_tokens)


def lending_lacks(node: Web3Node, settlement: Address) -> tuple[str, ...]:
    """Return what the settlement contract does not have of what lending needs, where ``find_lending`` found None."""
    joined = zip(("LendingAccount", "RouterHooks"), _joined(node, settlement), strict=True)
    return tuple(name for name, found in joined if found == ZERO_ADDRESS)


def _joined(node: Web3Node, settlement: Address) -> tuple[Address, Address]:
    calls = [(settlement, encode_call("lendingAccount()")), (settlement, encode_call("routerHooks()"))]
    account, hooks = (_address(answer) for answer in node.multicall(calls, block="latest"))
    return account, hooks


class LendingReader:
    """Builds the calls of the lending markets and takes their answers apart; without a plan it reads nothing."""

    def __init__(self, plan: LendingPlan | None, tokens: Sequence[Token]) -> None:
        self._plan = plan
        self._tokens = {token.address: token for token in tokens}

    @property
    def calls(self) -> list[Call]:
        """The calls that go along with the other state."""
        plan = self._plan
        if plan is None:
            return []
        account = plan.account
        return [
            (account, encode_call("settings()")),
            (AAVE_V3_POOL, encode_call("getUserAccountData(address)", account)),
            (COMPOUND_V2_COMPTROLLER, encode_call("getAccountLiquidity(address)", account)),
            *(
                call
                for token, a_token in plan.a_tokens.items()
                for call in _aave_calls(account, token, a_token)
            ),
            *(call for c_token in plan.c_tokens.values() for call in _compound_calls(account, c_token)),
        ]

    def read(self, answers: Sequence[bytes | None], feeds: Mapping[Address, FeedReading]) -> LendingFound:
        """Return what the markets say; raises ChainError for an answer that cannot be right.

        Compound says nothing of what an account owes in dollars: where a token that it owes has no usable feed, its
        market is unknown as a whole, and Aave's stands.
        """
        if self._plan is None:
            return LendingFound()
        parts = iter(answers)
        limits = _decoded(_SETTINGS, next(parts), "settings() of the lending account")
        account = _decoded(("uint256",) * 6, next(parts), "getUserAccountData of Aave")
        liquidity = _decoded(("uint256",) * 3, next(parts), "getAccountLiquidity of Compound")
        aave = [
            self._aave(token, [next(parts) for _ in range(3)], account, limits)
            for token in self._plan.a_tokens
        ]
        markets = [
            (token, _CompoundAnswers([next(parts) for _ in range(5)])) for token in self._plan.c_tokens
        ]
        owed = {token: market.owed for token, market in markets if market.owed}
        unpriced = [token for token in owed if not self._is_priced(token, feeds)]
        if unpriced:
            names = ", ".join(self._name(token) for token in unpriced)
            why = (
                f"{_COMPOUND}: expected a usable feed of {names}, which the lending account owes, found none"
            )
            return LendingFound(readings=tuple(aave), unknown={_COMPOUND: why})
        debt_usd_wad = sum(
            _usd_wad_up(amount, self._tokens[token], feeds[token]) for token, amount in owed.items()
        )
        compound = [
            self._compound(token, market, liquidity, debt_usd_wad, limits) for token, market in markets
        ]
        return LendingFound(readings=(*aave, *compound))

    def _is_priced(self, token: Address, feeds: Mapping[Address, FeedReading]) -> bool:
        return token in self._tokens and token in feeds and feeds[token].answer > 0

    def _name(self, token: Address) -> str:
        known = self._tokens.get(token)
        return known.symbol if known else f"{token} (not one of the desk's tokens)"

    @staticmethod
    def _aave(
        token: Address, answers: Sequence[bytes | None], account: Sequence[int], limits: Sequence[Any]
    ) -> LendingReading:
        reserve = _words(answers[0], _RESERVE_WORDS, "getReserveData of Aave")
        collateral, debt, available, threshold_bps, _, _ = account
        factor_wad = (reserve[0] >> 16 & 0xFFFF) * _BPS_TO_WAD
        return LendingReading(
            market="aave_v3",
            token=token,
            withdraw_source=InventorySource.AAVE_WITHDRAW,
            borrow_source=InventorySource.AAVE_BORROW,
            supplied=word(answers[1], what="supplied to Aave"),
            liquidity=word(answers[2], what="liquidity of Aave"),
            supply_rate_wad=reserve[_SUPPLY_RATE] // _RAY_PER_WAD,
            borrow_rate_wad=-(-reserve[_BORROW_RATE] // _RAY_PER_WAD),
            collateral_usd_wad=collateral * threshold_bps * _AAVE_USD_TO_WAD // 10_000,
            debt_usd_wad=debt * _AAVE_USD_TO_WAD,
            borrow_power_usd_wad=0 if limits[5] else available * _AAVE_USD_TO_WAD,
            collateral_factor_wad=factor_wad,
            health_floor_wad=limits[1] * _BPS_TO_WAD,
            debt_cap_usd_wad=limits[3] * _WAD,
        )

    @staticmethod
    def _compound(
        token: Address,
        market: _CompoundAnswers,
        liquidity: Sequence[int],
        debt_usd_wad: int,
        limits: Sequence[Any],
    ) -> LendingReading:
        code, spare_usd_wad, shortfall_usd_wad = liquidity
        usable = code == 0 and shortfall_usd_wad == 0
        return LendingReading(
            market=_COMPOUND,
            token=token,
            withdraw_source=InventorySource.COMPOUND_REDEEM,
            borrow_source=InventorySource.COMPOUND_BORROW,
            supplied=market.supplied if usable else 0,
            liquidity=market.cash,
            supply_rate_wad=market.supply_rate * _BLOCKS_PER_YEAR,
            borrow_rate_wad=market.borrow_rate * _BLOCKS_PER_YEAR,
            collateral_usd_wad=max(debt_usd_wad + spare_usd_wad - shortfall_usd_wad, 0),
            debt_usd_wad=debt_usd_wad,
            borrow_power_usd_wad=spare_usd_wad if usable and not limits[5] else 0,
            collateral_factor_wad=market.collateral_factor_wad,
            health_floor_wad=limits[2] * _BPS_TO_WAD,
            debt_cap_usd_wad=limits[4] * _WAD,
        )


_SETTINGS = ("address", "uint256", "uint256", "uint256", "uint256", "bool")


def _aave_calls(account: Address, token: Address, a_token: Address) -> list[Call]:
    return [
        (AAVE_V3_POOL, encode_call("getReserveData(address)", token)),
        (a_token, encode_call("balanceOf(address)", account)),
        (token, encode_call("balanceOf(address)", a_token)),
    ]


def _compound_calls(account: Address, c_token: Address) -> list[Call]:
    return [
        (c_token, encode_call("getAccountSnapshot(address)", account)),
        (c_token, encode_call("getCash()")),
        (c_token, encode_call("supplyRatePerBlock()")),
        (c_token, encode_call("borrowRatePerBlock()")),
        (COMPOUND_V2_COMPTROLLER, encode_call("markets(address)", c_token)),
    ]


class _CompoundAnswers:
    """What one cToken says; exchange rate and debt are those of the market's last accrual, which is less for us."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        code, shares, self.owed, rate = _words(answers[0], 4, "getAccountSnapshot of Compound")
        self.supplied = shares * rate // _WAD if code == 0 else 0
        self.cash = word(answers[1], what="getCash of Compound")
        self.supply_rate = word(answers[2], what="supplyRatePerBlock of Compound")
        self.borrow_rate = word(answers[3], what="borrowRatePerBlock of Compound")
        self.collateral_factor_wad = _words(answers[4], 2, "markets of Compound")[1]


def _usd_wad_up(amount: int, token: Token, feed: FeedReading) -> int:
    return -(-amount * feed.usd_per_unit_e36(token) * _WAD // 10**36)


def _words(answer: bytes | None, count: int, what: str) -> list[int]:
    if answer is None or len(answer) < 32 * count:
        raise ChainError(
            f"expected {count} words from {what}, found {0 if answer is None else len(answer)} bytes"
        )
    return [int.from_bytes(answer[32 * index : 32 * index + 32], "big") for index in range(count)]


def _decoded(types: Sequence[str], answer: bytes | None, what: str) -> tuple[Any, ...]:
    try:
        return decode_result(types, answer or b"")
    except DecodingError as error:
        raise ChainError(f"expected an answer of {what}, found {len(answer or b'')} bytes") from error


def _address(answer: bytes | None) -> Address:
    return address_from_bytes(answer[12:32]) if answer and len(answer) >= 32 else ZERO_ADDRESS


def _a_token(answer: bytes | None) -> Address:
    if answer is None or len(answer) < 32 * _RESERVE_WORDS:
        return ZERO_ADDRESS
    return address_from_bytes(answer[32 * _A_TOKEN + 12 : 32 * _A_TOKEN + 32])
