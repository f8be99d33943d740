"""The lending accounts as the keeper judges them: account, markets and the markets' own oracles at one block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

from pmm.chain.abi import encode_call
from pmm.chain.addresses import (
    AAVE_V3_POOL,
    COMPOUND_V2_COMPTROLLER,
    MULTICALL3,
    UNISWAP_V3_QUOTER_V2,
)
from pmm.chain.lending_reader import LendingPlan, LendingReader
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import WETH, Address, Token
from pmm.domain.chain_events import LendingMarket
from pmm.errors import ChainError
from pmm.execution.lending import AccountState, KeeperState, LendingBalance, SwapRoute
from pmm.pricing import FeedReading, LendingReading
from pmm.pricing.fixed_point import E36

MARKET_NUMBERS: Final = {LendingMarket.AAVE_V3: 1, LendingMarket.COMPOUND_V2: 2}
"""What LendingAccount calls the markets."""
_WAD: Final = 10**18
_BPS: Final = 10_000
_AAVE_DECIMALS: Final = 8
_FEE_TIERS: Final = (100, 500, 3_000)
_SIZES_PERCENT: Final = (100, 60, 40, 25, 15, 8, 4)
_QUOTE_OUT: Final = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))"
# What the pool may move between the look and the block.
_SLACK_BPS: Final = 10


class LendingStateReader:
    """Implements ``LendingSource`` for one lending account.

    Args:
        node: whom to ask.
        plan: account and markets, of ``find_lending``.
        tokens: those that the desk deals in.
        settlement: where the inventory lies.
        spare: what the desk can spare of its balances, base units per token; it subtracts reservations and stock.
        max_cost_bps: the most that a swap out of collateral may cost against the market's own prices.
    """

    def __init__(
        self,
        node: Web3Node,
        plan: LendingPlan,
        tokens: Sequence[Token],
        *,
        settlement: Address,
        spare: Callable[[Mapping[Address, int]], Mapping[Address, int]] = lambda balances: balances,
        max_cost_bps: int = 50,
    ) -> None:
        self._node, self._plan, self._spare = node, plan, spare
        self._settlement, self._max_cost_bps = settlement, max_cost_bps
        self._tokens = {token.address: token for token in tokens}
        self._reader = LendingReader(plan, tokens)
        self._aave_oracle, self._compound_oracle = _oracles(node)

    def read(self) -> KeeperState:
        """Read everything in one call; raises ChainError where an answer cannot be right, a price included."""
        plan, tokens = self._plan, tuple(self._tokens)
        lines = [(LendingMarket.AAVE_V3, token) for token in plan.a_tokens]
        lines += [(LendingMarket.COMPOUND_V2, token) for token in plan.c_tokens]
        own: list[Call] = [
            (MULTICALL3, encode_call("getBlockNumber()")),
            (MULTICALL3, encode_call("getBasefee()")),
            *(self._price_call(*line) for line in lines),
            *(
                (
                    plan.account,
                    encode_call("position(uint256,address)", MARKET_NUMBERS[market], token),
                )
                for market, token in lines
            ),
            *(
                (token, encode_call("balanceOf(address)", holder))
                for holder, token in product((self._settlement, plan.account), tokens)
            ),
        ]
        answers = iter(self._node.multicall([*own, *self._reader.calls], block="latest"))
        block = word(next(answers), what="the block's number")
        base_fee_wei = word(next(answers), what="the base fee")
        prices = {line: self._price(*line, next(answers)) for line in lines}
        owed = {line: _second_word(next(answers), f"the position in {line[1]}") for line in lines}
        held = [
            word(next(answers), what="a balance") for _ in product((self._settlement, plan.account), tokens)
        ]
        found = self._reader.read(list(answers), self._feeds(prices))
        if found.unknown:
            # An account of which a part is unknown is none that the keeper can judge.
            raise ChainError("; ".join(found.unknown.values()))
        return KeeperState(
            block=block,
            accounts=self._accounts(found.readings, prices, owed),
            stock=self._spare(dict(zip(tokens, held, strict=False))),
            idle={
                (plan.account, token): amount
                for token, amount in zip(tokens, held[len(tokens) :], strict=True)
            },
            gas_usd_wad=base_fee_wei * prices.get((LendingMarket.AAVE_V3, WETH.address), 0) * _WAD // E36,
        )

    def swaps(
        self, pairs: Sequence[tuple[LendingBalance, LendingBalance]]
    ) -> Mapping[tuple[Address, Address], SwapRoute]:
        """Return the deepest way from each collateral to each debt within the cost, as QuoterV2 simulates it."""
        asked = [
            (collateral, debt, fee, debt.owed * percent // 100)
            for collateral, debt in pairs
            for fee in _FEE_TIERS
            for percent in _SIZES_PERCENT
        ]
        calls = [
            (
                UNISWAP_V3_QUOTER_V2,
                encode_call(_QUOTE_OUT, (collateral.token.address, debt.token.address, amount, fee, 0)),
            )
            for collateral, debt, fee, amount in asked
        ]
        routes: dict[tuple[Address, Address], SwapRoute] = {}
        for (collateral, debt, fee, amount), answer in zip(
            asked, self._node.multicall(calls, block="latest"), strict=True
        ):
            cost_bps = _cost_bps_up(collateral, debt, amount, answer)
            if cost_bps is None or cost_bps + _SLACK_BPS > self._max_cost_bps:
                continue
            pair = collateral.token.address, debt.token.address
            route = SwapRoute(fee_pips=fee, most_bought=amount, cost_bps=cost_bps + _SLACK_BPS)
            known = routes.get(pair)
            if known is None or (route.most_bought, -route.cost_bps) > (known.most_bought, -known.cost_bps):
                routes[pair] = route
        return routes

    def _price_call(self, market: LendingMarket, token: Address) -> Call:
        if market is LendingMarket.AAVE_V3:
            return self._aave_oracle, encode_call("getAssetPrice(address)", token)
        return self._compound_oracle, encode_call("getUnderlyingPrice(address)", self._plan.c_tokens[token])

    def _price(self, market: LendingMarket, token: Address, answer: bytes | None) -> int:
        """Return US dollars per base unit, scaled by 10**36, as the market's oracle has it."""
        found = word(answer, what=f"the price of {token} on {market.value}")
        if found == 0:
            raise ChainError(
                f"expected a price of {token} from the oracle of {market.value}, found zero; health cannot be judged "
                "until it answers: watch the account by hand"
            )
        if market is LendingMarket.COMPOUND_V2:
            # Compound's mantissa is scaled by 36 - decimals, so it is per base unit already.
            return found
        shift: int = 10 ** (36 - _AAVE_DECIMALS - self._tokens[token].decimals)
        return found * shift

    def _feeds(self, prices: Mapping[tuple[LendingMarket, Address], int]) -> dict[Address, FeedReading]:
        """Return Compound's prices in the form that the reader of its debt takes."""
        return {
            token: FeedReading(
                name=f"{market.value} oracle",
                answer=price // 10 ** (36 - _AAVE_DECIMALS - self._tokens[token].decimals),
                decimals=_AAVE_DECIMALS,
                updated_at_s=0,
                heartbeat_s=0,
            )
            for (market, token), price in prices.items()
            if market is LendingMarket.COMPOUND_V2
        }

    def _accounts(
        self,
        readings: Sequence[LendingReading],
        prices: Mapping[tuple[LendingMarket, Address], int],
        owed: Mapping[tuple[LendingMarket, Address], int],
    ) -> tuple[AccountState, ...]:
        accounts: list[AccountState] = []
        for market in LendingMarket:
            ours = [one for one in readings if one.market == market.value]
            if not ours:
                continue
            first = ours[0]
            accounts.append(
                AccountState(
                    address=self._plan.account,
                    market=market,
                    weighted_usd_wad=first.collateral_usd_wad,
                    debt_usd_wad=first.debt_usd_wad,
                    floor_wad=first.health_floor_wad,
                    debt_cap_usd_wad=first.debt_cap_usd_wad,
                    borrow_power_usd_wad=first.borrow_power_usd_wad,
                    balances=tuple(
                        LendingBalance(
                            token=self._tokens[one.token],
                            supplied=one.supplied,
                            owed=owed[market, one.token],
                            liquidity=one.liquidity,
                            usd_per_unit_e36=prices[market, one.token],
                            weight_wad=one.collateral_factor_wad,
                            supply_rate_wad=one.supply_rate_wad,
                            borrow_rate_wad=one.borrow_rate_wad,
                        )
                        for one in ours
                    ),
                )
            )
        return tuple(accounts)


def _oracles(node: Web3Node) -> tuple[str, str]:
    provider, compound = node.multicall(
        [
            (AAVE_V3_POOL, encode_call("ADDRESSES_PROVIDER()")),
            (COMPOUND_V2_COMPTROLLER, encode_call("oracle()")),
        ],
        block="latest",
    )
    (aave,) = node.multicall(
        [(_address(provider, "Aave's provider"), encode_call("getPriceOracle()"))], block="latest"
    )
    return _address(aave, "Aave's oracle"), _address(compound, "Compound's oracle")


def _cost_bps_up(
    collateral: LendingBalance, debt: LendingBalance, bought: int, answer: bytes | None
) -> int | None:
    if answer is None or len(answer) < 32 or bought == 0:
        return None
    paid_usd = collateral.usd_wad_up(int.from_bytes(answer[:32], "big"))
    got_usd = debt.usd_wad_down(bought)
    return None if got_usd == 0 else max(-(-(paid_usd - got_usd) * _BPS // got_usd), 0)


def _second_word(answer: bytes | None, what: str) -> int:
    if answer is None or len(answer) < 64:
        raise ChainError(
            f"expected two numbers of {what}, found {0 if answer is None else len(answer)} bytes"
        )
    return int.from_bytes(answer[32:64], "big")


def _address(answer: bytes | None, what: str) -> str:
    if answer is None or len(answer) < 32:
        raise ChainError(f"expected the address of {what}, found none; check that the node is a mainnet node")
    return "0x" + answer[12:32].hex()
