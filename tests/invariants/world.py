"""One settlement contract with everything around it, and its whole state in one reading."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ape

from pmm.chain.abi import encode_call, selector
from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import ZERO_ADDRESS, Address, OrderDomain, SigningKey, oneinch_domain, settlement_domain
from tests.contracts.settlement.desk import decode_error
from tests.invariants.fork import Fork
from tests.invariants.model import Model

LANES = 2
CORE = ("base", "quote", "weth")
OBSERVED_LANES = 3
FORTUNE = 10**24
ROUTER_ALLOWANCE = 10**22
UNLIMITED = 2**256 - 1
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
ONEINCH = ONEINCH_ROUTER.lower()
ROUTER_SLOTS = 4
State = dict[tuple[str, ...], int]

_ONEINCH_ERRORS = {
    selector(f"{name}()"): name
    for name in (
        *("BadSignature", "BitInvalidatedOrder", "InvalidMsgValue", "InvalidatedOrder", "MakingAmountTooLow"),
        *(
            "OrderExpired",
            "PartialFillNotAllowed",
            "PrivateOrder",
            "SwapWithZeroAmount",
            "TakingAmountTooHigh",
        ),
        *("TransferFromMakerToTakerFailed", "TransferFromTakerToMakerFailed", "TakingAmountExceeded"),
    )
}


def name_error(data: str) -> str:
    """The name of an error of ours or of 1inch's; those without arguments may bear the same name on both."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    if raw[:4] in _ONEINCH_ERRORS:
        return _ONEINCH_ERRORS[raw[:4]]
    return str(decode_error(raw)[0])


@dataclass(slots=True, kw_only=True)
class World:
    """Addresses in lower case. ``thief`` holds no role and no money of its own but gas."""

    fork: Fork
    settlement: str
    tokens: dict[str, str]
    owner: str
    guardian: str
    operator: str
    takers: tuple[str, str]
    receiver: str
    thief: str
    keys: tuple[SigningKey, SigningKey, SigningKey]
    domain: OrderDomain
    router_domain: OrderDomain = field(default_factory=lambda: oneinch_domain(1))
    _query: str = ""
    _names: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def signers(self) -> list[str]:
        return [key.address.lower() for key in self.keys]

    @property
    def holders(self) -> list[str]:
        return [self.settlement, *self.takers, self.receiver, self.thief, ONEINCH]

    def model(self) -> Model:
        """The model of the world as it was built."""
        model = Model(
            settlement=self.settlement,
            weth=self.tokens["weth"],
            core=tuple(self.tokens[name] for name in CORE),
        )
        for signer in self.signers[:2]:
            model.book.open(signer, LANES)
        for token in CORE:
            model.router_allowance[self.tokens[token]] = ROUTER_ALLOWANCE
        for token in self.tokens.values():
            for holder in (self.settlement, *self.takers):
                model.balance[token, holder] = FORTUNE
        return model

    # ------------------------------------------------------------------ the whole state

    def observe(self) -> State:
        """Read lanes, tokens, balances, allowances and both venues' dead nonces."""
        if not self._query:
            self._prepare()
        answers = self.fork.read(self._query)
        return {
            name: int.from_bytes(answer, "big") for name, answer in zip(self._names, answers, strict=True)
        }

    def differences(self, model: Model) -> dict[tuple[str, ...], tuple[int, int]]:
        """What the chain says and what the model expects, where they differ."""
        found, expected = self.observe(), self.expect(model)
        for name in [name for name in found if name[0] == "lane" and name[1] not in model.book.active]:
            # A revoked signer's lanes keep the policy of the day it was revoked.
            found[name] &= ~_POLICY
            expected[name] &= ~_POLICY
        return {name: (found[name], expected[name]) for name in found if found[name] != expected[name]}

    def expect(self, model: Model) -> State:
        """The same out of a model."""
        state: State = {}
        for name in self._names:
            kind = name[0]
            if kind == "lane":
                state[name] = _lane_word(model, name[1], int(name[2]))
            elif kind == "balance":
                state[name] = model.balance[name[1], name[2]]
            elif kind == "allowance":
                state[name] = model.router_allowance[name[1]] if name[2] == ONEINCH else 0
            elif kind == "tradable":
                state[name] = int(model.is_tradable(name[1]))
            elif kind == "lanes":
                state[name] = model.book.count(name[1])
            elif kind == "oneinch":
                state[name] = sum(1 << n % 256 for n in model.dead_on_oneinch if n // 256 == int(name[1]))
            elif kind == "horizon":
                state[name] = model.max_expiry_s
            elif kind == "eth":
                state[name] = 0
        return state

    def _prepare(self) -> None:
        calls: list[tuple[str, bytes]] = []

        def ask(name: tuple[str, ...], to: str, signature: str, *values: Any) -> None:
            self._names.append(name)
            calls.append((to, encode_call(signature, *values)))

        for signer in self.signers:
            ask(("lanes", signer), self.settlement, "numberOfLanes(address)", signer)
            for lane in range(OBSERVED_LANES):
                name = ("lane", signer, str(lane))
                ask(name, self.settlement, "laneWord(address,uint64)", signer, lane)
        for token in self.tokens.values():
            ask(("tradable", token), self.settlement, "isRegistered(address)", token)
            for holder in self.holders:
                ask(("balance", token, holder), token, "balanceOf(address)", holder)
            for spender in (ONEINCH, PERMIT2, *self.takers, self.thief, self.operator):
                name = ("allowance", token, spender)
                ask(name, token, "allowance(address,address)", self.settlement, spender)
        for slot in range(ROUTER_SLOTS):
            signature = "bitInvalidatorForOrder(address,uint256)"
            ask(("oneinch", str(slot)), ONEINCH, signature, self.settlement, slot * 256)
        ask(("horizon",), self.settlement, "maxExpiry()")
        ask(("eth", "settlement"), MULTICALL, "getEthBalance(address)", self.settlement)
        self._query = self.fork.query(calls)


MULTICALL = "0xca11bde05977b3631167028862be2a173976ca11"
_POLICY = ((1 << 30) - 1) << 224


def _lane_word(model: Model, signer: str, index: int) -> int:
    """Bits of the lane word as contracts/README.md has them."""
    lane = model.book.lanes.get((signer, index))
    if lane is None:
        return 0
    flags = lane.authorised << 255 | lane.paused << 254
    return flags | model.policy | lane.epoch << 192 | lane.base << 160 | lane.window


def build(rpc: JsonRpc, deal: Callable[[str, Any, int], None]) -> World:
    """Deploy it on the fork: two signers on two lanes each, a third key that nobody knows."""
    accounts = ape.accounts.test_accounts
    owner, guardian, operator, *others = (accounts[index] for index in range(7))
    base, quote, extra = (owner.deploy(ape.project.MockOddToken) for _ in range(3))
    core = [base, quote, WETH]
    settlement = owner.deploy(ape.project.RfqSettlement, owner, WETH, ONEINCH_ROUTER, ZERO_ADDRESS, core)
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    keys = tuple(SigningKey(secrets.token_bytes(32)) for _ in range(3))
    for key in keys:
        rpc.call("anvil_impersonateAccount", key.address)
        deal("ETH", key.address, FORTUNE)
    for key in keys[:2]:
        settlement.initLanes(key.address, LANES, sender=owner)
    for token in core:
        settlement.setRouterAllowance(token, ROUTER_ALLOWANCE, sender=owner)
    for taker in others[:2]:
        deal("ETH", taker, 1_000 * FORTUNE)
    tokens = {"base": base.address, "quote": quote.address, "weth": WETH, "extra": extra.address}
    for token in tokens.values():
        for holder in (settlement, *others[:2]):
            deal(token, holder, FORTUNE)
        for taker in others[:2]:
            for spender in (settlement.address, ONEINCH_ROUTER):
                approve = base.approve.encode_input(spender, UNLIMITED)
                taker.transfer(token, 0, data=approve)
    return World(
        fork=Fork(rpc, name_error),
        settlement=settlement.address.lower(),
        tokens={name: str(token).lower() for name, token in tokens.items()},
        owner=owner.address.lower(),
        guardian=guardian.address.lower(),
        operator=operator.address.lower(),
        takers=(others[0].address.lower(), others[1].address.lower()),
        receiver=others[2].address.lower(),
        thief=others[3].address.lower(),
        keys=(keys[0], keys[1], keys[2]),
        domain=settlement_domain(1, Address(settlement.address)),
    )
