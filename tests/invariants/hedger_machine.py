"""Fills, sales, gifts, price moves and strangers around the hedger, in any order; what must hold after each."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pmm.chain.abi import encode_call
from pmm.chain.addresses import AAVE_V3_POOL, BALANCER_V2_VAULT
from pmm.domain import USDC, WETH, HedgeLeg
from pmm.localnet.addresses import UNISWAP_V3_SWAP_ROUTER
from tests.contracts.hedger.hedges import HEDGES, SWAP_FEE_PIPS, Hedge
from tests.invariants.hedger_orders import Drawn, Funded, drawn_fills, sizes, strangers_calls, write
from tests.invariants.hedger_world import HedgerWorld, State

_SALE = "swapInventory(address,address,uint256,uint256,uint256,bytes)"
_SALES = tuple(hedge for hedge in HEDGES if hedge.source in (1, 7, 8))


class HedgerMachine(RuleBasedStateMachine):
    """One taker, one operator, one donor, one who has no right to anything; each example puts the fork back."""

    orders = Bundle("orders")

    def __init__(self, world: HedgerWorld) -> None:
        super().__init__()
        self.world = world
        self.snapshot = world.fork.snapshot()
        self.now_s = world.fork.now_s()
        self.nonce = 0
        self.donated = {str(WETH.address): 0, str(USDC.address): 0}
        self.approved: set[str] = set()
        self.filled: set[bytes] = set()
        self.state: State = world.observe()

    def teardown(self) -> None:
        self.world.fork.revert(self.snapshot)

    # ------------------------------------------------------------------ fills

    @rule(target=orders, drawn=drawn_fills)
    def sign_and_fill(self, drawn: Drawn) -> Funded:
        order = self._write(drawn)
        self._fill(order)
        return order

    @rule(target=orders, many=st.lists(drawn_fills, min_size=2, max_size=4))
    def sign_and_fill_several(self, many: list[Drawn]) -> Funded:
        orders = [self._write(drawn) for drawn in many]
        for order in orders:
            self._fill(order)
        return orders[-1]

    @rule(order=orders)
    def fill_again(self, order: Funded) -> None:
        """A nonce settles once: what was filled is dead, what was refused may still be filled."""
        self._fill(order)

    def _fill(self, order: Funded) -> None:
        refusal = self._send(self.world.taker, self.world.settlement, order.data)
        if order.data in self.filled:
            assert refusal[0] == "NonceDead", f"an order settled twice, or refused with {refusal}"
        elif refusal:
            self._require_honest_refusal(order, refusal)
        else:
            self.filled.add(order.data)
            self._settle(order)

    def _require_honest_refusal(self, order: Funded, refusal: list[Any]) -> None:
        """With pools this deep there is one reason: the cost leaves less than the signed minimum."""
        assert refusal[0] == "ProfitTooLow", f"{order.drawn} refused with {refusal}"
        taking, cost, minimum = refusal[1:]
        assert (taking, minimum) == (order.taking, order.min_profit)
        assert taking - cost < minimum, f"refused a profit of {taking - cost}, asked for {minimum}"

    def _settle(self, order: Funded) -> None:
        """What a fill moves: exact but for the profit, which the pools decide."""
        world, maker, taker = self.world, order.maker_asset, order.taker_asset
        by_hedger = order.drawn.hedge.needs_hedger
        swept = {token: self.donated[token] if by_hedger else 0 for token in (maker, taker)}
        found = world.observe()
        gained = self._change(found, taker, world.settlement) - swept[taker]
        assert gained >= order.min_profit, f"gained {gained}, signed {order.min_profit}: {order.drawn}"
        assert gained <= order.taking
        self._expect(maker, order.receiver, order.making)
        self._expect(taker, world.taker, -order.taking)
        self._expect(maker, world.settlement, swept[maker])
        self._expect(taker, world.settlement, gained + swept[taker])
        for token, amount in swept.items():
            self.donated[token] -= amount
        self._let_lenders_earn(found, maker)

    def _let_lenders_earn(self, found: State, token: str) -> None:
        for lender in self.world.lenders:
            change = self._change(found, token, lender)
            assert change >= 0, f"{lender} has {-change} less of {token}"
            self._expect(token, lender, change)

    # ------------------------------------------------------------------ the operator, the donor, and strangers

    @rule(
        hedge=st.sampled_from(_SALES),
        sells_weth=st.booleans(),
        size=st.integers(1, 2_000),
    )
    def sell_inventory(self, hedge: Hedge, sells_weth: bool, size: int) -> None:
        token_in, token_out, amount, _ = sizes(self.world, sells_weth, size)
        route = hedge.path(token_out) if hedge.leg is HedgeLeg.UNISWAP_V3_PATH else b""
        plan = hedge.plan().encode()
        data = encode_call(_SALE, token_in, token_out, amount, 1, plan, route)
        refusal = self._send(self.world.operator, self.world.settlement, data)
        if refusal:
            assert refusal[0] == "BoughtTooLittle", f"{hedge} refused with {refusal}"
            return
        found = self.world.observe()
        bought = self._change(found, token_out, self.world.settlement) - self.donated[token_out]
        assert bought > 0
        self._expect(token_in, self.world.settlement, self.donated[token_in] - amount)
        self._expect(token_out, self.world.settlement, bought + self.donated[token_out])
        self.donated[token_in] = self.donated[token_out] = 0

    @rule(token=st.sampled_from([WETH, USDC]), amount=st.integers(1, 9) | st.integers(1, 10**10))
    def donate(self, token: Any, amount: int) -> None:
        address, world = str(token.address), self.world
        data = encode_call("transfer(address,uint256)", world.hedger, amount)
        assert not self._send(world.donor, address, data)
        self.donated[address] += amount
        self._expect(address, world.donor, -amount)

    @rule(token=st.sampled_from([WETH, USDC]), by=st.sampled_from(["thief", "taker", "operator"]))
    def sweep(self, token: Any, by: str) -> None:
        """Anybody may have what lies on the hedger sent to the settlement contract."""
        address, world = str(token.address), self.world
        assert not self._send(getattr(world, by), world.hedger, encode_call("sweep(address)", address))
        self._expect(address, world.settlement, self.donated[address])
        self.donated[address] = 0

    @rule(sells_weth=st.booleans(), size=st.integers(1, 200_000))
    def move_price(self, sells_weth: bool, size: int) -> None:
        """Somebody trades on the pool where most positions are closed."""
        token_in, token_out, amount, _ = sizes(self.world, sells_weth, size)
        terms = (token_in, token_out, SWAP_FEE_PIPS, self.world.donor, 2**40, amount, 0, 0)
        name = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
        assert not self._send(self.world.donor, UNISWAP_V3_SWAP_ROUTER, encode_call(name, terms))
        found = self.world.observe()
        for token in (token_in, token_out):
            self._expect(token, self.world.donor, self._change(found, token, self.world.donor))

    @rule(sells_weth=st.booleans(), amount=st.integers(0, 3))
    def overreach(self, sells_weth: bool, amount: int) -> None:
        """No stranger gets a callback, a fill or a sale done, nor makes a lender or a pair call for it."""
        world = self.world
        assets = (str(WETH.address), str(USDC.address))
        maker, taker = assets if sells_weth else assets[::-1]
        direct = [encode_call(name, *values) for name, values in strangers_calls(world, maker, taker, amount)]
        for data, error in zip(direct, world.fork.try_all(world.hedger, direct), strict=True):
            name = json.loads(error)[0] if error else "done"
            assert name in ("NotSettlement", "UnexpectedCallback", "UnexpectedInitiator"), (
                f"a stranger's {data[:4].hex()} ended with {error or name}"
            )
        words = (world.hedger, maker, amount + 1)
        loans = {
            AAVE_V3_POOL: encode_call(
                "flashLoanSimple(address,address,uint256,bytes,uint16)", *words, bytes(160), 0
            ),
            BALANCER_V2_VAULT: encode_call(
                "flashLoan(address,address[],uint256[],bytes)", world.hedger, [maker], [amount], bytes(160)
            ),
            world.lender: encode_call("flashLoan(address,address,uint256,bytes)", *words, bytes(160)),
        }
        for lender, data in loans.items():
            refusal = self._send(world.thief, lender, data)
            assert refusal[0] in ("UnexpectedCallback", "UnexpectedInitiator"), (lender, refusal)

    # ------------------------------------------------------------------ after every step

    @invariant()
    def nothing_moved_but_what_was_to(self) -> None:
        found, world = self.world.observe(), self.world
        for token, amount in self.donated.items():
            held = found["balance", token, world.hedger]
            assert held == amount, f"the hedger holds {held} of {token}, {amount} were given"
        for name, value in found.items():
            if name[0] in ("allowance", "claims", "collateral", "ether"):
                assert value == 0, f"{name} of the hedger is {value}"
            elif name[0] == "balance" and name[2] != world.hedger:
                assert value == self.state[name], f"{name}: found {value}, expected {self.state[name]}"
        assert world.aave_debt() == 0
        assert self.approved <= set(world.spenders), f"the hedger approved {self.approved}"

    # ------------------------------------------------------------------ plumbing

    def _write(self, drawn: Drawn) -> Funded:
        self.nonce += 1
        return write(self.world, drawn, nonce=self.nonce, now_s=self.now_s)

    def _change(self, found: State, token: str, holder: str) -> int:
        return found["balance", token, holder] - self.state["balance", token, holder]

    def _expect(self, token: str, holder: str, change: int) -> None:
        self.state["balance", token, holder] += change

    def _send(self, sender: str, to: str, data: bytes) -> list[Any]:
        """Send it; returns why it reverted, or nothing."""
        self.now_s += 1
        done = self.world.fork.send(sender, to, data, at_s=self.now_s)
        self.approved |= done.approvals_by(self.world.hedger)
        return list(json.loads(done.error)) if done.error else []
