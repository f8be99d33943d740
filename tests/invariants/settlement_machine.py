"""What the roles may do to the settlement at any time, and what must hold after every step of whatever machine."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pmm.chain.abi import encode_call
from tests.invariants.caps import Cap
from tests.invariants.lanes import WINDOW
from tests.invariants.model import Model
from tests.invariants.world import ONEINCH, World

_LANES = st.integers(0, 2)
_KEYS = st.integers(0, 2)
_REDUCERS = st.sampled_from(["owner", "guardian"])
_CANCELLERS = st.sampled_from(["owner", "guardian", "signer"])


def _change(name: str, /, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A call of one of the machine's methods."""
    return st.tuples(st.just(name), st.fixed_dictionaries(values))


changes = st.one_of(
    _change(
        "stop",
        how=st.sampled_from(["pauseSigner", "pauseSigners", "revokeSigner", "cancelAllLanes"]),
        who=_KEYS,
        by=_CANCELLERS,
    ),
    _change("start", counts=st.tuples(st.integers(0, 3), st.integers(0, 3)), resumes=st.booleans()),
    _change("start", counts=st.just((0, 0)), resumes=st.just(True)),
    _change(
        "cancel",
        who=_KEYS,
        lane=_LANES,
        how=st.sampled_from(["lane", "nonce", "window", "edge"]),
        step=st.integers(-5, 330),
        mask=st.integers(0, 255) | st.integers(0, 2**168 - 1),
        by=_CANCELLERS,
    ),
    _change(
        "cancel_on_oneinch",
        nonce=st.integers(0, 800),
        flags=st.sampled_from([0, 0, 1 << 254]),
        mask=st.none() | st.integers(0, 2**256 - 1),
        by=_REDUCERS,
    ),
    _change(
        "configure",
        name=st.sampled_from(["base", "quote", "weth", "extra"]),
        by=_REDUCERS,
        change=st.one_of(
            st.just(("unregister", 0)),
            st.just(("register all", 0)),
            st.tuples(st.just("horizon"), st.sampled_from([1, 60, 3_600, 3_600, 65_535])),
            st.tuples(st.just("allowance"), st.sampled_from([0, 1, 10**19, 2**128 - 1])),
            st.tuples(st.just("guards"), st.sampled_from([0, 0, 1, 2, 3])),
            st.tuples(st.just("cap"), st.sampled_from([0, 30, 10**20, 10**21 + 1, 2**255])),
            st.tuples(st.just("bands"), st.sampled_from([0, 255, 255, 100])),
        ),
    ),
    _change(
        "configure",
        name=st.sampled_from(["base", "quote", "weth"]),
        by=_REDUCERS,
        change=st.tuples(st.just("allowance"), st.sampled_from([0, 1, 10**19, 2**128 - 1])),
    ),
    _change(
        "give_wait_and_withdraw",
        name=st.sampled_from(["base", "quote", "weth"]),
        amount=st.integers(1, 10**6),
        seconds=st.integers(1, 900),
    ),
    _change("overreach", by=st.sampled_from(["thief", "operator", "taker"]), which=st.integers(0, 30)),
)


class SettlementMachine(RuleBasedStateMachine):
    """Two signers, two takers, one who has no right to anything; each example puts the fork back."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.snapshot = world.fork.snapshot()
        self.now_s = world.fork.now_s()
        self.model: Model = world.model()
        self.approved: set[str] = set()
        world.observe()

    def teardown(self) -> None:
        self.world.fork.revert(self.snapshot)

    # ------------------------------------------------------------------ what the roles, and others, do

    @rule(changes=st.lists(changes, min_size=1, max_size=3))
    def administer(self, changes: list[tuple[str, dict[str, Any]]]) -> None:
        for name, values in changes:
            getattr(self, name)(**values)

    def stop(self, how: str, who: int, by: str) -> None:
        book, signer = self.model.book, self.world.signers[who]
        sender = self._sender("guardian" if by == "signer" and how != "cancelAllLanes" else by, who)
        if how == "pauseSigners":
            assert not self._ours(sender, "pauseSigners()")
            book.pause(book.active)
            return
        error = self._ours(sender, f"{how}(address)", signer)
        assert error == ("" if book.count(signer) else "UnknownLane")
        if error:
            return
        if how == "pauseSigner":
            book.pause([signer])
        elif how == "revokeSigner":
            book.revoke(signer)
        else:
            book.cancel_all(signer)

    def start(self, counts: tuple[int, int], resumes: bool) -> None:
        """The owner adds lanes, brings back the revoked, and lets the paused go on."""
        book, owner = self.model.book, self.world.owner
        for signer, count in zip(self.world.signers, counts, strict=False):
            error = self._ours(owner, "initLanes(address,uint256)", signer, count)
            assert error == ("BadLaneCount" if count == 0 or count < book.count(signer) else "")
            if error:
                count = max(1, book.count(signer))
                assert not self._ours(owner, "initLanes(address,uint256)", signer, count)
            book.open(signer, count)
            if resumes:
                assert not self._ours(owner, "resumeSigner(address)", signer)
                book.pause([signer], paused=False)

    def cancel(self, who: int, lane: int, how: str, step: int, mask: int, by: str) -> None:
        signer, sender = self.world.signers[who], self._sender(by, who)
        if how == "edge":
            # The highest nonce of the mask is the first beyond the window.
            step = WINDOW - max(0, mask.bit_length() - 1)
        known = self.model.book.lanes.get((signer, lane))
        nonce = max(0, (known.base if known else 0) + step)
        # Near the top of its numbers a lane is exhausted: that is LaneLib's own test.
        if nonce > 2**32 - 600:
            return
        at = int(signer, 16) << 80 | lane << 40 | nonce
        if how == "lane":
            error = self._ours(sender, "cancelLane(address,uint40)", signer, lane)
        elif how == "nonce":
            error, mask = self._ours(sender, "cancelNonce(uint240)", at), 1
        else:
            error = self._ours(sender, "cancelWindow(uint240,uint168)", at, mask)
        assert error == ("" if known else "UnknownLane")
        if known and how == "lane":
            known.epoch += 1
        elif known:
            for bit in range(mask.bit_length()):
                if mask >> bit & 1:
                    known.kill(nonce + bit)

    def cancel_on_oneinch(self, nonce: int, flags: int, mask: int | None, by: str) -> None:
        sender, maker_traits = getattr(self.world, by), nonce << 120 | flags
        if mask is not None:
            assert not self._ours(sender, "cancelMaskOnRouter(uint256,uint256)", nonce << 120, mask)
            block = nonce // 256 * 256
            self.model.dead_on_oneinch |= {nonce} | {block + bit for bit in range(256) if mask >> bit & 1}
            return
        assert not self._ours(sender, "cancelOnRouter(uint256,bytes32)", maker_traits, bytes(32))
        # With bit 254 set 1inch cancels by hash, and no nonce dies.
        if flags == 0:
            self.model.dead_on_oneinch.add(nonce)

    # ------------------------------------------------------------------ settings, time, gifts

    def configure(self, name: str, by: str, change: tuple[str, int]) -> None:
        kind, value = change
        sender, token, model = getattr(self.world, by), self.world.tokens[name], self.model
        if kind == "unregister":
            error = self._ours(sender, "unregisterToken(address)", token)
            assert error == ("" if model.is_tradable(token) else "UnregisteredToken")
            model.unregistered_core |= {token} & set(model.core)
            model.registered.discard(token)
        elif kind == "register all":
            for each in model.unregistered_core | {token}:
                assert not self._ours(self.world.owner, "registerToken(address)", each)
            model.registered |= {token} - set(model.core)
            model.unregistered_core.clear()
        elif kind == "horizon":
            assert not self._ours(self.world.owner, "setMaxExpiry(uint64)", value)
            model.max_expiry_s = value
        elif kind == "allowance":
            self._set_router_allowance(token, value, sender)
        else:
            self._set_guards(kind, token, value, sender)

    def _set_guards(self, kind: str, token: str, value: int, sender: str) -> None:
        """The owner as it likes; the guardian switches on and narrows."""
        model, owns = self.model, sender == self.world.owner
        if kind == "guards":
            error = self._ours(sender, "setGuards(uint32)", value)
            loosened = (model.caps_on << 1 | model.band_on) & ~value
            assert error == ("Unauthorised" if loosened and not owns else "")
            if not error:
                model.band_on, model.caps_on = bool(value & 1), bool(value & 2)
        elif kind == "cap":
            cap = (token, value // 3, value, 300)
            error = self._ours(sender, "setCap(address,uint256,uint256,uint40)", *cap)
            assert error == ("" if owns else "Unauthorised")
            if owns:
                model.caps[token] = Cap(value // 3, value, 300)
        else:
            for other in {*model.core} - {token}:
                pair = frozenset({token, other})
                error = self._ours(sender, "setBand(address,address,uint8)", token, other, value)
                assert error == ("Unauthorised" if value > model.bands.get(pair, 0) and not owns else "")
                if not error:
                    model.bands[pair] = value

    def _set_router_allowance(self, token: str, amount: int, sender: str) -> None:
        error = self._ours(sender, "setRouterAllowance(address,uint128)", token, amount)
        if amount and sender == self.world.guardian:
            assert error == "Unauthorised"
        elif amount and not self.model.is_tradable(token):
            assert error == "UnregisteredToken"
        else:
            assert not error
            self.model.router_allowance[token] = amount

    def give_wait_and_withdraw(self, name: str, amount: int, seconds: int) -> None:
        """Anybody may send tokens; the owner alone takes them out."""
        token, world, giver = self.world.tokens[name], self.world, self.world.takers[1]
        assert not self._send(giver, token, "transfer(address,uint256)", world.settlement, amount)
        self.now_s += seconds
        withdraw = "withdraw(address,address,uint256)"
        assert not self._ours(world.owner, withdraw, token, world.receiver, amount - 1)
        self.model.balance[token, giver] -= amount
        self.model.balance[token, world.settlement] += 1
        self.model.balance[token, world.receiver] += amount - 1

    # ------------------------------------------------------------------ somebody without a right

    def overreach(self, by: str, which: int) -> None:
        """(a) Whoever has no role gets nothing done: one call in earnest, all of them by a contract at once."""
        world = self.world
        sender = world.takers[0] if by == "taker" else getattr(world, by)
        token, signer = world.tokens["base"], world.signers[0]
        calls = privileged(sender, token, signer)
        name, values = calls[which % len(calls)]
        assert self._ours(sender, name, *values) == "Unauthorised", f"(a) {by} may call {name}"
        answers = world.fork.try_all(
            world.settlement,
            [encode_call(name, *values) for name, values in privileged(world.thief, token, signer)],
        )
        for (name, _), error in zip(calls, answers, strict=True):
            assert error == "Unauthorised", f"(a) anybody may call {name}: {error or 'done'}"

    # ------------------------------------------------------------------ after every step

    @invariant()
    def state_is_the_models(self) -> None:
        wrong = self.world.differences(self.model)
        assert not wrong, f"(model) found, expected: {wrong}"

    @invariant()
    def allowances_go_to_oneinch_alone(self) -> None:
        assert self.approved <= {ONEINCH}, f"(e) the settlement approved {self.approved}"

    # ------------------------------------------------------------------ plumbing

    def _sender(self, by: str, who: int) -> str:
        return self.world.signers[who] if by == "signer" else str(getattr(self.world, by))

    def _ours(self, sender: str, name: str, *values: Any) -> str:
        return self._send(sender, self.world.settlement, name, *values)

    def _send(self, sender: str, to: str, name: str, *values: Any, value: int = 0) -> str:
        self.now_s += 1
        done = self.world.fork.send(sender, to, encode_call(name, *values), at_s=self.now_s, value=value)
        self.approved |= done.approvals_by(self.world.settlement)
        return done.error


def privileged(thief: str, token: str, signer: str) -> list[tuple[str, tuple[Any, ...]]]:
    at = int(signer, 16) << 80
    return [
        ("withdraw(address,address,uint256)", (token, thief, 1)),
        ("transferOwnership(address)", (thief,)),
        ("acceptOwnership()", ()),
        ("setGuardian(address)", (thief,)),
        ("setOperator(address)", (thief,)),
        ("initLanes(address,uint256)", (thief, 1)),
        ("pauseSigner(address)", (signer,)),
        ("pauseSigners()", ()),
        ("resumeSigner(address)", (signer,)),
        ("revokeSigner(address)", (signer,)),
        ("cancelAllLanes(address)", (signer,)),
        ("cancelLane(address,uint40)", (signer, 0)),
        ("cancelNonce(uint240)", (at,)),
        ("cancelWindow(uint240,uint168)", (at, 1)),
        ("registerToken(address)", (token,)),
        ("unregisterToken(address)", (token,)),
        ("setMaxExpiry(uint64)", (60,)),
        ("setGuards(uint32)", (0,)),
        ("setCap(address,uint256,uint256,uint40)", (token, 1, 1, 1)),
        ("setFeed(address,address,uint40)", (token, thief, 1)),
        ("setBand(address,address,uint8)", (token, signer, 255)),
        ("setModule(uint8,address)", (0, thief)),
        ("collect(address,uint256)", (thief, 1)),
        ("consumeCap(address,uint256)", (token, 1)),
        (
            "fillOrderFor(address,(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256),bytes32,"
            "bytes32,uint256,uint256,bytes)",
            (thief, (0,) * 8, bytes(32), bytes(32), 0, 0, b""),
        ),
        ("setRouterAllowance(address,uint128)", (token, 0)),
        ("setRouterAllowance(address,uint128)", (token, 1)),
        ("cancelOnRouter(uint256,bytes32)", (0, bytes(32))),
        ("cancelMaskOnRouter(uint256,uint256)", (0, 1)),
    ]
