"""The taker process: moves the market along the day, asks for quotes over HTTP and fills them on chain.

Started by the demo as ``python -m pmm.demo.taker``. It reads its task as one JSON line, says its address, waits
for a line that says it has been funded, and then writes one JSON line per request and waits for a line before the
next: the desk hedges in between. Its key never leaves it.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pmm.chain.abi import encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.demo.revert_reasons import explain_revert
from pmm.demo.schedule import EXPECT_REFUSAL, LET_EXPIRE, SELLS, Step
from pmm.demo.swap_events import pool_amounts
from pmm.demo.trade import EXPIRED, FILLED, REFUSED, REVERTED, Trade
from pmm.demo.wallet import Wallet
from pmm.domain import MAINNET_TOKENS, USDC, WETH, FillFunction, OwnDomainTerms, TakerTraits, encode_fill
from pmm.errors import PmmError
from pmm.execution import Settlement
from pmm.localnet.prices import refresh_feeds, set_price
from pmm.server.client import QuoteAnswer, QuoteClient, QuoteRefused

_RELEASED_WITHIN_S = 10.0
_POLL_S = 0.05
_MAX_UINT256 = 2**256 - 1
_FUNDING = {1: "Uniswap V3 flash swap", 2: "Morpho loan", 3: "Balancer loan", 4: "Aave loan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the demo tells the taker.

    ``server_key`` is a relayer's; ``health_key`` shows the server's state in full, by which the day is paced.
    """

    rpc_url: str
    server_url: str
    server_key: str = field(repr=False)
    health_key: str = field(repr=False)
    settlement: str
    steps: list[Step]

    @classmethod
    def from_json(cls, line: str) -> Task:
        """Read the task line."""
        raw = json.loads(line)
        steps = [
            Step(**{**step, "weth": Decimal(step["weth"]), "market_usd": Decimal(step["market_usd"])})
            for step in raw.pop("steps")
        ]
        return cls(steps=steps, **raw)


class Taker:
    """Walks the steps; every method that sends a transaction pays from the wallet."""

    def __init__(self, task: Task, rpc: JsonRpc, wallet: Wallet) -> None:
        self._task = task
        self._rpc = rpc
        self._wallet = wallet
        self._quotes = QuoteClient(task.server_url, key=task.server_key)
        self._health = QuoteClient(task.server_url, key=task.health_key)

    def approve(self) -> None:
        """Approve both settlement contracts for both assets."""
        for token in (WETH, USDC):
            for spender in (ONEINCH_ROUTER, self._task.settlement):
                data = encode_call("approve(address,uint256)", spender, _MAX_UINT256)
                self._wallet.send(token.address, data)

    def run(self, step: Step) -> Trade:
        """Move the market, ask, and do what the step intends with the answer."""
        set_price(self._rpc, "ETH", step.market_usd)
        self._quotes.wait_for_block(int(self._rpc.call("eth_blockNumber"), 16))
        self._wait_until_released()
        spent_before = self._wallet.spent_wei
        base: dict[str, Any] = {
            "number": step.number,
            "time_s": step.time_s,
            "request": step.describe(),
            "settlement": step.settlement,
            "market_usd": str(step.market_usd),
        }
        try:
            self._quotes.levels()
            answer = self._ask(step)
        except QuoteRefused as refusal:
            return Trade(
                **base, outcome=REFUSED, reason=f"{refusal.status} {refusal.code}: {refusal.message}"
            )
        if step.intent == EXPECT_REFUSAL:
            raise PmmError(f"expected a refusal of {step.describe()}, found a signed quote")
        ending = self._let_expire(answer) if step.intent == LET_EXPIRE else self._fill(answer)
        spent_wei = self._wallet.spent_wei - spent_before
        return Trade(**base, **_terms(answer), **ending, gas_cost_wei=str(spent_wei))

    def _wait_until_released(self) -> None:
        """Wait until the server has seen that earlier quotes are filled: a price depends on what is promised."""
        deadline_s = time.monotonic() + _RELEASED_WITHIN_S
        while any(int(one["reserved"]) for one in self._health.healthz()["inventory"]):
            if time.monotonic() > deadline_s:
                # A quote that reverted stays promised until it expires: no reason to end the day.
                return
            time.sleep(_POLL_S)

    def _ask(self, step: Step) -> QuoteAnswer:
        weth = int(step.weth.scaleb(WETH.decimals))
        taker, settlement = self._wallet.address, Settlement(step.settlement)
        if step.side == SELLS:
            return self._quotes.order(
                base_token=WETH.address,
                quote_token=USDC.address,
                amount=weth,
                taker=taker,
                settlement=settlement,
            )
        return self._quotes.order(
            base_token=USDC.address,
            quote_token=WETH.address,
            quote_amount=weth,
            taker=taker,
            settlement=settlement,
        )

    def _calldata(self, answer: QuoteAnswer) -> tuple[str, bytes]:
        function = None
        to = self._task.settlement
        if answer.settlement is Settlement.ONEINCH:
            to, function = ONEINCH_ROUTER, FillFunction.FILL_CONTRACT_ORDER
        elif answer.is_flash_funded:
            function = FillFunction.FILL_ORDER_FUNDED
        order = answer.signed.order
        # The whole order, and not one unit less: the amount is the taking amount, the threshold the making amount.
        traits = TakerTraits(threshold=order.making_amount)
        return to, encode_fill(
            answer.signed, amount=order.taking_amount, taker_traits=traits, function=function
        )

    def _fill(self, answer: QuoteAnswer) -> dict[str, Any]:
        to, data = self._calldata(answer)
        receipt = self._wallet.send(to, data)
        sent = {"gas_used": int(receipt["gasUsed"], 16), "transaction_hash": receipt["transactionHash"]}
        if int(receipt["status"], 16) != 1:
            return {
                **sent,
                "outcome": REVERTED,
                "reason": explain_revert(self._wallet.why_it_reverts(to, data)),
            }
        plan = OwnDomainTerms.decode(answer.signed.extension).funding_plan if answer.is_flash_funded else None
        if plan is None:
            return {**sent, "outcome": FILLED, "hedge": "from inventory"}
        cost = _swap_cost(receipt)
        return {**sent, "outcome": FILLED, "hedge": _FUNDING[plan.source], "hedge_cost": str(cost)}

    def _let_expire(self, answer: QuoteAnswer) -> dict[str, Any]:
        self._rpc.call("evm_setNextBlockTimestamp", answer.expiration_s + 1)
        self._rpc.call("evm_mine")
        reason = explain_revert(self._wallet.why_it_reverts(*self._calldata(answer)))
        refresh_feeds(self._rpc)
        if not reason:
            raise PmmError("expected an expired quote to revert, it would still fill")
        return {
            "outcome": EXPIRED,
            "reason": f"1 s after its expiry the chain says {reason.partition('(')[0]}",
        }


def _terms(answer: QuoteAnswer) -> dict[str, Any]:
    order = answer.signed.order
    making, taking = (
        Decimal(amount).scaleb(-MAINNET_TOKENS.get(asset).decimals)
        for amount, asset in (
            (order.making_amount, order.maker_asset),
            (order.taking_amount, order.taker_asset),
        )
    )
    price = making / taking if order.taker_asset == WETH.address else taking / making
    return {
        "price_usd": str(price.quantize(Decimal("0.0001"))),
        "components": {name: str(bps) for name, bps in answer.components_bps.items()},
        "maker_asset": order.maker_asset,
        "taker_asset": order.taker_asset,
        "making_amount": str(order.making_amount),
        "taking_amount": str(order.taking_amount),
        "order_hash": "0x" + answer.signed.order_hash.hex(),
    }


def _swap_cost(receipt: dict[str, Any]) -> int:
    """Return what the pool took: the positive one of the two amounts in its Swap event."""
    amounts = pool_amounts(receipt)
    if amounts is None:
        raise PmmError(f"expected a Uniswap V3 Swap event in {receipt['transactionHash']}, found none")
    return max(amounts)


def main() -> None:
    """Speak the line protocol of the module docstring."""
    task = Task.from_json(sys.stdin.readline())
    with JsonRpc(task.rpc_url) as rpc:
        wallet = Wallet(rpc)
        print(json.dumps({"address": wallet.address}), flush=True)  # noqa: T201 - the protocol
        if not sys.stdin.readline():
            return
        taker = Taker(task, rpc, wallet)
        taker.approve()
        print(json.dumps({"setup_gas_wei": str(wallet.spent_wei)}), flush=True)  # noqa: T201
        for step in task.steps:
            print(taker.run(step).to_json(), flush=True)  # noqa: T201
            if not sys.stdin.readline():
                return


if __name__ == "__main__":
    try:
        main()
    except PmmError as error:
        sys.exit(f"error: {error}")
