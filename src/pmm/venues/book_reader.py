"""What the chain says about everything in the desk's book, at one block, for its reconciliation.

Aave V3: scaled balances and the reserve's normalised income and debt, whose product is the balance. Compound V2:
cTokens and the exchange rate, accrued inside the call; its debt has no shares that can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmm.chain.abi import encode_call
from pmm.chain.addresses import AAVE_V3_POOL
from pmm.chain.lending_reader import LendingPlan
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import Address, BlockRef, LendingMarket, address_from_bytes
from pmm.errors import ChainError
from pmm.execution.book import (
    BalanceKey,
    BookScope,
    ChainReading,
    IndexedAmount,
    LendingKey,
    LendingMark,
)

_RAY_PER_WAD = 10**9
_WAD = 10**18
_BLOCKS_PER_YEAR = 365 * 86_400 // 12
_SUPPLY_RATE, _BORROW_RATE, _VARIABLE_DEBT = 2, 4, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AaveTokens:
    """aToken and variable debt token of one reserve."""

    a_token: Address
    debt_token: Address


def aave_tokens(node: Web3Node, plan: LendingPlan) -> dict[Address, AaveTokens]:
    """Return both tokens of every reserve of a plan; raises ChainError for a reserve without."""
    calls = [(AAVE_V3_POOL, encode_call("getReserveData(address)", token)) for token in plan.a_tokens]
    found: dict[Address, AaveTokens] = {}
    for token, answer in zip(plan.a_tokens, node.multicall(calls, block="latest"), strict=True):
        if answer is None or len(answer) < 32 * (_VARIABLE_DEBT + 1):
            raise ChainError(f"expected reserve data of {token} from Aave, found none")
        debt = address_from_bytes(answer[32 * _VARIABLE_DEBT + 12 : 32 * _VARIABLE_DEBT + 32])
        found[token] = AaveTokens(a_token=plan.a_tokens[token], debt_token=debt)
    return found


class BookReader:
    """Reads balances and lending positions of a book in one call. Without a lending plan it reads balances."""

    def __init__(self, node: Web3Node, scope: BookScope, plan: LendingPlan | None) -> None:
        self._node, self._scope, self._plan = node, scope, plan
        self._aave = aave_tokens(node, plan) if plan else {}

    def read(self, number: int | None = None) -> ChainReading:
        """Return the state at a block, the newest by default.

        Raises ChainError when the chain changed meanwhile or an answer cannot be right, NodeUnreachable without one.
        """
        block = self._block(number)
        balances = [
            BalanceKey(account, token) for account in self._scope.accounts for token in self._scope.tokens
        ]
        calls: list[Call] = [(key.token, encode_call("balanceOf(address)", key.account)) for key in balances]
        aave, compound = self._aave_calls(), self._compound_calls()
        answers = self._node.multicall([*calls, *aave, *compound], block=block.number)
        if self._block(block.number).hash != block.hash:
            raise ChainError(
                f"expected one block {block.number}, found two: the chain is reorganising; read again"
            )
        of_aave = answers[len(calls) : len(calls) + len(aave)]
        of_compound = answers[len(calls) + len(aave) :]
        return ChainReading(
            block=block,
            balances={
                key: word(answer, what=f"balanceOf of {key.token}")
                for key, answer in zip(balances, answers[: len(calls)], strict=True)
            },
            lending={**self._aave_marks(of_aave), **self._compound_marks(of_compound)},
        )

    def _block(self, number: int | None) -> BlockRef:
        which = "latest" if number is None else hex(number)
        (found,) = self._node.batch([("eth_getBlockByNumber", (which, False))])
        try:
            return BlockRef(
                number=int(found["number"], 16),
                hash=bytes.fromhex(found["hash"][2:]),
                parent_hash=bytes.fromhex(found["parentHash"][2:]),
                time_s=int(found["timestamp"], 16),
            )
        except (TypeError, KeyError, ValueError) as error:
            raise ChainError(f"expected block {which} from {self._node.shown_url}, found none") from error

    def _aave_calls(self) -> list[Call]:
        if self._plan is None:
            return []
        account = self._plan.account
        return [
            call
            for token, both in self._aave.items()
            for call in (
                (AAVE_V3_POOL, encode_call("getReserveData(address)", token)),
                (AAVE_V3_POOL, encode_call("getReserveNormalizedIncome(address)", token)),
                (AAVE_V3_POOL, encode_call("getReserveNormalizedVariableDebt(address)", token)),
                (both.a_token, encode_call("balanceOf(address)", account)),
                (both.a_token, encode_call("scaledBalanceOf(address)", account)),
                (both.debt_token, encode_call("balanceOf(address)", account)),
                (both.debt_token, encode_call("scaledBalanceOf(address)", account)),
            )
        ]

    def _aave_marks(self, answers: Sequence[bytes | None]) -> dict[LendingKey, LendingMark]:
        found: dict[LendingKey, LendingMark] = {}
        parts = iter(answers)
        for token in self._aave:
            reserve = next(parts) or b""
            income, debt_index, supplied, supply_shares, owed, debt_shares = (
                word(next(parts), what=f"the position in {token} on Aave") for _ in range(6)
            )
            assert self._plan is not None
            found[LendingKey(LendingMarket.AAVE_V3, self._plan.account, token)] = LendingMark(
                supply=IndexedAmount(
                    amount=supplied,
                    shares=supply_shares,
                    index=income,
                    rate_wad=_word(reserve, _SUPPLY_RATE) // _RAY_PER_WAD,
                ),
                debt=IndexedAmount(
                    amount=owed,
                    shares=debt_shares,
                    index=debt_index,
                    rate_wad=-(-_word(reserve, _BORROW_RATE) // _RAY_PER_WAD),
                ),
            )
        return found

    def _compound_calls(self) -> list[Call]:
        if self._plan is None:
            return []
        account = self._plan.account
        return [
            call
            for c_token in self._plan.c_tokens.values()
            for call in (
                # The first one accrues interest, for this call alone.
                (c_token, encode_call("exchangeRateCurrent()")),
                (c_token, encode_call("balanceOf(address)", account)),
                (c_token, encode_call("borrowBalanceCurrent(address)", account)),
                (c_token, encode_call("borrowIndex()")),
                (c_token, encode_call("supplyRatePerBlock()")),
                (c_token, encode_call("borrowRatePerBlock()")),
            )
        ]

    def _compound_marks(self, answers: Sequence[bytes | None]) -> dict[LendingKey, LendingMark]:
        found: dict[LendingKey, LendingMark] = {}
        parts = iter(answers)
        for token in self._plan.c_tokens if self._plan else ():
            rate, shares, owed, index, supply_rate, borrow_rate = (
                word(next(parts), what=f"the position in {token} on Compound") for _ in range(6)
            )
            assert self._plan is not None
            found[LendingKey(LendingMarket.COMPOUND_V2, self._plan.account, token)] = LendingMark(
                supply=IndexedAmount(
                    amount=shares * rate // _WAD,
                    shares=shares,
                    index=rate,
                    rate_wad=supply_rate * _BLOCKS_PER_YEAR,
                ),
                debt=IndexedAmount(
                    amount=owed, shares=None, index=index, rate_wad=borrow_rate * _BLOCKS_PER_YEAR
                ),
            )
        return found


def _word(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big")
