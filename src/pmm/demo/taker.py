"""The taker process: moves the market along the day, asks for quotes over HTTP and fills them on chain.

Started by the demo as ``python -m pmm.demo.taker``. It reads its task as one JSON line, says its address, waits
for a line that says it has been funded, and then writes one JSON line per request. Its key never leaves it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pmm.chain.abi import encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.demo.asking import Answer, Asker
from pmm.demo.revert_reasons import explain_revert
from pmm.demo.schedule import EXPECT_REFUSAL, LET_EXPIRE, ONEINCH, Step
from pmm.demo.trade import EXPIRED, FILLED, REFUSED, REVERTED, Trade
from pmm.demo.wallet import Wallet
from pmm.domain import USDC, WETH, FillFunction, TakerTraits, encode_fill
from pmm.errors import PmmError
from pmm.localnet.prices import refresh_feeds, set_price

_MAX_UINT256 = 2**256 - 1
_SWAP_TOPIC = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"  # Uniswap V3 Swap
_FUNDING = {1: "Uniswap V3 flash swap", 2: "Morpho loan", 3: "Balancer loan", 4: "Aave loan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the demo tells the taker."""

    rpc_url: str
    server_url: str
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
        self._asker = Asker(task.server_url, task.settlement)

    def approve(self) -> None:
        """Approve both settlement contracts for both assets."""
        for token in (WETH, USDC):
            for spender in (ONEINCH_ROUTER, self._task.settlement):
                data = encode_call("approve(address,uint256)", spender, _MAX_UINT256)
                self._wallet.send(token.address, data)

    def run(self, step: Step) -> Trade:
        """Move the market, ask, and do what the step intends with the answer."""
        set_price(self._rpc, "ETH", step.market_usd)
        self._asker.wait_until_seen(int(self._rpc.call("eth_blockNumber"), 16))
        spent_before = self._wallet.spent_wei
        base: dict[str, Any] = {
            "number": step.number,
            "time_s": step.time_s,
            "request": step.describe(),
            "settlement": step.settlement,
            "market_usd": str(step.market_usd),
        }
        answer = self._asker.ask(step, self._wallet.address)
        if isinstance(answer, str):
            return Trade(**base, outcome=REFUSED, reason=answer)
        ending = self._let_expire(answer) if step.intent == LET_EXPIRE else self._fill(answer)
        if step.intent == EXPECT_REFUSAL:
            raise PmmError(f"expected a refusal of {step.describe()}, found a signed quote")
        return Trade(
            **base, **answer.describe(step), **ending, gas_cost_wei=str(self._wallet.spent_wei - spent_before)
        )

    def _calldata(self, answer: Answer) -> tuple[str, bytes]:
        function = None
        to = self._task.settlement
        if answer.settlement == ONEINCH:
            to, function = ONEINCH_ROUTER, FillFunction.FILL_CONTRACT_ORDER
        elif answer.plan is not None:
            function = FillFunction.FILL_ORDER_FUNDED
        order = answer.signed.order
        # The whole order, and not one unit less: the amount is the taking amount, the threshold the making amount.
        traits = TakerTraits(threshold=order.making_amount)
        return to, encode_fill(
            answer.signed, amount=order.taking_amount, taker_traits=traits, function=function
        )

    def _fill(self, answer: Answer) -> dict[str, Any]:
        to, data = self._calldata(answer)
        receipt = self._wallet.send(to, data)
        sent = {"gas_used": int(receipt["gasUsed"], 16), "transaction_hash": receipt["transactionHash"]}
        if int(receipt["status"], 16) != 1:
            return {
                **sent,
                "outcome": REVERTED,
                "reason": explain_revert(self._wallet.why_it_reverts(to, data)),
            }
        if answer.plan is None:
            return {**sent, "outcome": FILLED, "hedge": "from inventory"}
        cost = _swap_cost(receipt)
        return {
            **sent,
            "outcome": FILLED,
            "hedge": _FUNDING[answer.plan.source],
            "hedge_cost": str(cost),
        }

    def _let_expire(self, answer: Answer) -> dict[str, Any]:
        now_s = int(self._rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self._rpc.call("evm_increaseTime", answer.signed.order.traits.expiration_s - now_s + 1)
        self._rpc.call("evm_mine")
        reason = explain_revert(self._wallet.why_it_reverts(*self._calldata(answer)))
        refresh_feeds(self._rpc)
        if not reason:
            raise PmmError("expected an expired quote to revert, it would still fill")
        return {"outcome": EXPIRED, "reason": reason}


def _swap_cost(receipt: dict[str, Any]) -> int:
    """Return what the pool took: the positive one of the two amounts in its Swap event."""
    for log in receipt["logs"]:
        if log["topics"][0] == _SWAP_TOPIC:
            words = bytes.fromhex(log["data"][2:])
            amounts = (int.from_bytes(words[i : i + 32], "big", signed=True) for i in (0, 32))
            return max(amounts)
    raise PmmError(f"expected a Uniswap V3 Swap event in {receipt['transactionHash']}, found none")


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


if __name__ == "__main__":
    try:
        main()
    except PmmError as error:
        sys.exit(f"error: {error}")
