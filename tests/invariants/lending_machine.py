"""What guardian, owner and strangers may do to the lending contracts, and what must hold after whatever step.

There is no model of Aave and Compound: every step is held against the state before it. Letters of what is held:
(e) allowances, (f) the hedger keeps nothing, (g) debt, funds and health are where they belong.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from eth_abi.abi import encode
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pmm.chain.abi import encode_call
from pmm.localnet.addresses import MORPHO, USDC, WETH
from pmm.localnet.prices import set_price
from tests.invariants.fork import Done
from tests.invariants.lending_desk import (
    A_TOKENS,
    DEBT_CAP_USD,
    FLOOR_BPS,
    GIFTS,
    MARKETS,
    MAX_COST_BPS,
    NOTIONAL_CAP,
    POOL,
    RECEIPTS,
    TOKENS,
    WAD,
    WINDOW_S,
    LendingDesk,
    State,
    moves,
)

ALL = 2**256 - 1
_NOBODY = "0x" + 40 * "0"
_ONE_USD = 10**26
_WAD_PER_BPS = 10**14
# Interest of a second, and Compound's rounding.
_DUST = 1_000_000
_PAYS_FROM_HERE = 1 << 131

ROLES = {
    "supply": ("operator", "hooks"),
    "repay": ("operator", "hooks", "guardian"),
    "withdraw": ("operator",),
    "borrow": ("operator",),
    "provide": ("operator", "hooks"),
    "sweep": ("operator",),
}
SIGNATURES = {name: f"{name}(uint256,address,uint256)" for name in ROLES} | {"sweep": "sweep(address)"}
markets = st.sampled_from(MARKETS)
tokens = st.sampled_from(TOKENS)
shares = st.sampled_from([1, 2, 4, 6, 8, 12, 15, 16])
_gifts = st.sampled_from([*TOKENS, *A_TOKENS.values()])


def _event(name: str, /, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A call of one of the machine's methods."""
    return st.tuples(st.just(name), st.fixed_dictionaries(values))


_events = st.one_of(
    _event(
        "swing",
        price=st.sampled_from(["2715", "2730", "2705", "2740", "2500", "2900"]),
        wait_s=st.sampled_from([0, 60, 7_200]),
    ),
    _event(
        "donate",
        token=_gifts,
        to=st.sampled_from(["delta", "account", "settlement", "hooks"]),
        share=shares,
    ),
    _event("sweep", token=_gifts),
    _event("attack", token=tokens, market=markets, share=shares),
    _event(
        "reduce",
        what=st.sampled_from(["pause", "stop", "shut out"]),
        by=st.sampled_from(["guardian", "owner", "operator"]),
    ),
    _event(
        "resume",
        floor_bps=st.sampled_from([FLOOR_BPS, FLOOR_BPS, 11_000, 16_000]),
        by=st.sampled_from(["owner", "owner", "owner", "guardian"]),
    ),
)


class LendingMachine(RuleBasedStateMachine):
    """Each example starts with the stock in the settlement and puts the fork back."""

    def __init__(self, desk: LendingDesk) -> None:
        super().__init__()
        self.desk = desk
        self.snapshot = desk.fork.snapshot()
        self.now_s = desk.fork.now_s()
        self.floors = dict.fromkeys(MARKETS, FLOOR_BPS)
        self.paused = self.stopped = self.shut_out = False
        self.state: State = desk.observe()
        for token in TOKENS:
            self.move_to_lending(token, 16)

    def teardown(self) -> None:
        self.desk.fork.revert(self.snapshot)

    # ------------------------------------------------------------------ the desk

    def move_to_lending(self, token: str, share: int) -> None:
        amount = self.state["holds", token, self.desk.settlement] * share // 32
        self._send("operator", self.desk.settlement, "moveToLending(address,uint256)", token, amount)

    @rule(events=st.lists(_events, min_size=1, max_size=3))
    def interfere(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        """Whatever is not a day's work."""
        for name, values in events:
            getattr(self, name)(**values)

    # ------------------------------------------------------------------ guardian and owner

    def reduce(self, what: str, by: str) -> None:
        calls: dict[str, tuple[Any, ...]] = {
            "pause": (self.desk.account, "pauseBorrowing()"),
            "stop": (self.desk.delta, "stop()"),
            "shut out": (self.desk.account, "setDeltaHedger(address)", _NOBODY),
        }
        done = self._send(by, *calls[what])
        assert (done.error == "") == (by != "operator"), f"(g) {by}: {what}: {done.error or 'done'}"
        if not done.error:
            self.paused |= what == "pause"
            self.stopped |= what == "stop"
            self.shut_out |= what == "shut out"

    def resume(self, floor_bps: int, by: str) -> None:
        """Switch everything on again, with a floor for both markets."""
        desk = self.desk
        calls: tuple[tuple[Any, ...], ...] = (
            (desk.account, "resumeBorrowing()"),
            (desk.account, "setDeltaHedger(address)", desk.delta),
            (desk.delta, "setLimits(uint256,uint256,uint256)", MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S),
            *((desk.account, "setHealthFloor(uint256,uint256)", market, floor_bps) for market in MARKETS),
        )
        for to, signature, *values in calls:
            done = self._send(by, to, signature, *values)
            assert (done.error == "") == (by == "owner"), f"(g) {by}: {signature}: {done.error or 'done'}"
        if by == "owner":
            self.paused = self.stopped = self.shut_out = False
            self.floors = dict.fromkeys(MARKETS, floor_bps)

    # ------------------------------------------------------------------ the world outside

    def swing(self, price: str, wait_s: int) -> None:
        """Time passes, and the feed tells another price of ether; the pool keeps its own."""
        rpc = self.desk.fork.rpc
        rpc.call("evm_setNextBlockTimestamp", self.now_s + wait_s + 1)
        set_price(rpc, "ETH", Decimal(price), pools=False)
        self.now_s = self.desk.fork.now_s()
        self.state = self.desk.observe()

    def donate(self, token: str, to: str, share: int) -> None:
        amount = max(1, GIFTS[USDC if token in (USDC, A_TOKENS[USDC]) else WETH] * share // 256)
        receiver = getattr(self.desk, to)
        self._send("stranger", token, "transfer(address,uint256)", receiver, amount, gift=True)

    def sweep(self, token: str) -> None:
        """Anybody may empty the delta hedger into the settlement contract."""
        held = self.state["holds", token, self.desk.delta]
        before = self.state["holds", token, self.desk.settlement]
        done = self._send("stranger", self.desk.delta, "sweep(address)", token, gift=True)
        assert not done.error
        assert self.state["holds", token, self.desk.delta] <= 1, "(f) the delta hedger keeps what was swept"
        assert self.state["holds", token, self.desk.settlement] >= before + held - 1, "(g) swept elsewhere"

    def attack(self, token: str, market: int, share: int) -> None:
        """A stranger calls everything, and both callbacks with words of its own.

        The hedger holds a gift then, so that a callback that pays whoever calls has something to pay with.
        """
        desk = self.desk
        self.donate(token, "delta", 16)
        amount = share * 10**6
        trade = (
            token,
            USDC if token == WETH else WETH,
            amount,
            0,
            500 << 224 | market << 216 | _PAYS_FROM_HERE,
        )
        data = encode(["(address,address,uint256,uint256,uint256)"], [trade])
        loan = encode(["((address,address,uint256,uint256,uint256),uint256)"], [(trade, amount)])
        words = (token, USDC, amount, ALL, market << 216)
        on_delta = [
            encode_call("uniswapV3SwapCallback(int256,int256,bytes)", amount, -amount, data),
            encode_call("uniswapV3SwapCallback(int256,int256,bytes)", -amount, amount, data),
            encode_call("onMorphoFlashLoan(uint256,bytes)", amount, loan),
            encode_call("closeShort(address,address,uint256,uint256,uint256)", *words),
            encode_call("setLimits(uint256,uint256,uint256)", 4_095, ALL >> 192, 60),
            encode_call("stop()"),
        ]
        on_account = [
            *(encode_call(SIGNATURES[name], market, token, amount) for name in ROLES if name != "sweep"),
            encode_call("sweep(address)", token),
            encode_call("setDeltaHedger(address)", desk.stranger),
            encode_call("setDebtCap(uint256,uint256)", market, 10**9),
            encode_call("setHealthFloor(uint256,uint256)", market, 10_001),
            encode_call("pauseBorrowing()"),
            encode_call(
                "reduce(uint256,address,uint256,address,uint256,address,uint256,uint256)",
                *(market, token, 0, token, amount, desk.stranger, amount, 0),
            ),
            encode_call(
                "enlarge(uint256,address,uint256,address,uint256,address,uint256)",
                *(market, token, 0, token, amount, desk.stranger, 0),
            ),
        ]
        for target, calls in ((desk.delta, on_delta), (desk.account, on_account)):
            for call, error in zip(calls, desk.fork.try_all(target, calls), strict=True):
                assert error, f"(g) a stranger called 0x{call[:4].hex()}"

    # ------------------------------------------------------------------ what must hold

    def _send(self, by: str, to: str, signature: str, *values: Any, gift: bool = False) -> Done:
        """One transaction in a block of its own, and everything that must hold after any."""
        self.now_s += 1
        before = self.state
        data = encode_call(signature, *values)
        done = self.desk.fork.send(getattr(self.desk, by), to, data, at_s=self.now_s)
        self.state = self.desk.observe()
        for name, amount in self.state.items():
            if name[0] in ("debt", "allowance", "ether"):
                assert amount == 0, f"(e, g) {signature}: {' '.join(name)} is {amount}"
        self._require_known_receivers(done, signature)
        if not gift:
            self._require_nothing_kept(before, signature)
            self._require_worth(before, done, signature)
        return done

    def _require_known_receivers(self, done: Done, signature: str) -> None:
        desk = self.desk
        markets = {_NOBODY, *(address.lower() for address in RECEIPTS)}
        allowed = {
            desk.settlement: {desk.account},
            desk.account: {desk.settlement, desk.delta, POOL.lower(), *markets},
            desk.delta: {desk.settlement, desk.account, POOL.lower(), MORPHO.lower()},
        }
        for move in moves(done):
            known = allowed.get(move.sender)
            assert known is None or move.receiver in known, f"(g) {signature} sent {move}"

    def _require_nothing_kept(self, before: State, signature: str) -> None:
        for token in TOKENS:
            name = ("holds", token, self.desk.delta)
            assert self.state[name] <= before[name], f"(f) {signature} left {token} in the delta hedger"

    def _require_worth(self, before: State, done: Done, signature: str) -> None:
        sold = sum(
            self.desk.usd(token, move.amount, self.state)
            for move in moves(done)
            for token in TOKENS
            if move.receiver == POOL.lower() and move.token == token.lower()
        )
        lost = self.desk.value(before) - self.desk.value(self.state)
        most = sold * MAX_COST_BPS // 10_000 + _ONE_USD
        assert lost <= most, f"(g) {signature} lost {lost / _ONE_USD:.2f} USD of {sold / _ONE_USD:.2f} sold"

    def _require_health(self, *markets: int, lowest_wad: int = 0) -> None:
        for market in markets:
            lowest = max(self.floors[market] * _WAD_PER_BPS, lowest_wad)
            health = self.state["health", str(market)]
            assert health >= lowest - lowest // _DUST, f"(g) health {health / WAD:.4f} on market {market}"
        assert self.state["shortfall",] == 0

    def _require_debt_allowed(self, before: State) -> None:
        """What grew debt did so under the cap and not while paused."""
        most = DEBT_CAP_USD * 10**8
        assert self.state["debt in USD",] <= max(
            most + most // _DUST, before["debt in USD",] * (_DUST + 1) // _DUST
        )
        for token in TOKENS:
            for market in MARKETS:
                name = ("owes", token, str(market))
                grown = self.state[name] > before[name] * (_DUST + 1) // _DUST + 1
                assert not (grown and self.paused), "(g) debt grew while borrowing was paused"
