"""A settlement with mainnet's tokens, Chainlink's feeds, caps and bands on, and a thief with a signing key."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ape

from pmm.chain.abi import encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import (
    DAI,
    USDC,
    WETH,
    ZERO_ADDRESS,
    Address,
    OrderDomain,
    SigningKey,
    keccak256,
    oneinch_domain,
    settlement_domain,
)
from pmm.domain.extension import RouterHookTerms
from pmm.domain.hook_payloads import PreHook
from pmm.localnet.addresses import DAI_USD_FEED, ETH_USD_FEED, USDC_USD_FEED
from tests.contracts.settlement.desk import HAS_EXTENSION, MAKER_AMOUNT, RawOrder, traits
from tests.invariants.fork import Fork
from tests.invariants.quotes import FILL, FILL_COMPACT, FILL_CONTRACT, FILL_CONTRACT_ARGS
from tests.invariants.world import name_error

BAND_ONE = 2_000
WINDOW_S = 3_600
HEARTBEAT_S = 86_400
PRE_INTERACTION = 1 << 252
UNLIMITED = 2**256 - 1
FORMS = ("own domain", "own domain, packed", "1inch", "1inch, packed", "1inch with the hook")
TOKENS = (WETH, USDC, DAI)
_FEEDS = (ETH_USD_FEED, USDC_USD_FEED, DAI_USD_FEED)
# Per block, per window, in whole tokens; bands in units of 5 bps.
_CAPS = ((5, 12), (10_000, 25_000), (9_000, 20_000))
_BANDS = {(0, 1): 20, (0, 2): 40, (1, 2): 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """``thief`` is a contract that takes; it is rich, so that it lacks nothing but a right."""

    fork: Fork
    settlement: str
    hooks: str
    thief: str
    guardian: str
    key: SigningKey
    domain: OrderDomain
    router_domain: OrderDomain

    def answers(self) -> list[int]:
        """What the feeds say, USD with 8 decimals."""
        found = [self.fork.call(feed, "latestRoundData()") for feed in _FEEDS]
        return [int.from_bytes(answer[32:64], "big") for answer in found]

    def balances(self) -> list[int]:
        found = [self.fork.call(token.address, "balanceOf(address)", self.settlement) for token in TOKENS]
        return [int.from_bytes(answer, "big") for answer in found]

    # ------------------------------------------------------------------ settings, as they stand on chain

    def caps(self) -> list[tuple[int, int, int]]:
        """Per block, per window, seconds of a window: bits 108-207 of the cap word."""
        words = [
            int.from_bytes(self.fork.call(self.settlement, "capWord(address)", token.address), "big")
            for token in TOKENS
        ]
        mask = (1 << 36) - 1
        return [
            (
                (word >> 108 & mask) << (word >> 180 & 255),
                (word >> 144 & mask) << (word >> 180 & 255),
                word >> 188 & (1 << 20) - 1,
            )
            for word in words
        ]

    def band(self, token: int, other: int) -> int:
        """Units of 5 bps: the byte of the other core token in the feed word."""
        answer = self.fork.call(self.settlement, "priceWord(address)", TOKENS[token].address)
        return int.from_bytes(answer, "big") >> 192 + 8 * other & 255

    def bound(self, answers: list[int]) -> int:
        """The printed bound: what a stolen key can lose in any one window, USD with 26 decimals.

        Of each token at most the cap of a window leaves, and for each at least its value less the widest band of
        its pairs comes in; rounding favours the maker.
        """
        loss: int = 0
        for index, (_, per_window, _) in enumerate(self.caps()):
            widest = max(self.band(index, other) for other in range(len(TOKENS)) if other != index)
            loss += -(-usd(index, per_window, answers) * widest // BAND_ONE)
        return loss

    # ------------------------------------------------------------------ the thief's calls

    def cheapest(self, maker: int, taker: int, making: int, answers: list[int]) -> int:
        """The smallest taking amount that the band lets through."""
        worth = usd(maker, making, answers) * (BAND_ONE - self.band(maker, taker))
        return -(-worth // (usd(taker, 1, answers) * BAND_ONE))

    def attempt(
        self, form: str, maker: int, taker: int, making: int, taking: int, nonce: int, now_s: int
    ) -> tuple[str, bytes]:
        """Target and calldata of a fill of an order that the thief signed for itself."""
        extension = b""
        flags = 0
        if form == "1inch with the hook":
            extension = RouterHookTerms(hooks=Address(self.hooks), pre=PreHook().encode()).encode()
            flags = HAS_EXTENSION | PRE_INTERACTION
        low = int.from_bytes(keccak256(extension), "big") & (1 << 160) - 1 if extension else 0
        order = RawOrder(
            salt=low,
            maker=int(self.settlement, 16),
            maker_asset=int(TOKENS[maker].address, 16),
            taker_asset=int(TOKENS[taker].address, 16),
            making_amount=making,
            taking_amount=taking,
            maker_traits=traits(expiration_s=now_s + 300, nonce=nonce, flags=flags),
        )
        own = form.startswith("own")
        signature = self.key.sign(order.digest(self.domain if own else self.router_domain))
        ends = signature.r_bytes + signature.vs_bytes
        terms = maker << 156 | taker << 152 | nonce << 104 | (now_s + 300) << 64
        words = (making << 128 | taking, terms)
        if form == "own domain":
            data = encode_call(FILL, order.words, signature.r_bytes, signature.vs_bytes, taking, 0)
        elif own:
            in_bytes = [word.to_bytes(32, "big") for word in words]
            data = encode_call(FILL_COMPACT, *in_bytes, signature.r_bytes, signature.vs_bytes)
        elif extension:
            given = order.packed_with(signature) + extension
            how = MAKER_AMOUNT | len(extension) << 224
            data = encode_call(FILL_CONTRACT_ARGS, order.words, given, making, how, extension)
        else:
            packed = b"".join(word.to_bytes(32, "big") for word in words) + ends
            given = packed if form == "1inch, packed" else order.packed_with(signature)
            data = encode_call(FILL_CONTRACT, order.words, given, making, MAKER_AMOUNT)
        return (self.settlement if own else ONEINCH_ROUTER), data


def usd(token: int, amount: int, answers: list[int]) -> int:
    """Value of an amount in USD with 26 decimals, exact."""
    scale: int = 10 ** (18 - TOKENS[token].decimals)
    return amount * answers[token] * scale


def build(rpc: JsonRpc, deal: Callable[[str, Any, int], None]) -> Vault:
    """Deploy it on the fork, with inventory of a hundred windows' caps."""
    accounts = ape.accounts.test_accounts
    owner, guardian = accounts[0], accounts[1]
    addresses = [token.address for token in TOKENS]
    settlement = owner.deploy(
        ape.project.RfqSettlement, owner, WETH.address, ONEINCH_ROUTER, ZERO_ADDRESS, addresses
    )
    settlement.setGuardian(guardian, sender=owner)
    hooks = owner.deploy(ape.project.RouterHooks, settlement)
    settlement.setModule(1, hooks, sender=owner)
    key = SigningKey(secrets.token_bytes(32))
    settlement.initLanes(key.address, 1, sender=owner)
    thief = owner.deploy(ape.project.MockTaker)
    for index, token in enumerate(TOKENS):
        per_block, per_window = (whole * 10**token.decimals for whole in _CAPS[index])
        settlement.setFeed(token.address, _FEEDS[index], HEARTBEAT_S, sender=owner)
        settlement.setCap(token.address, per_block, per_window, WINDOW_S, sender=owner)
        settlement.setRouterAllowance(token.address, 100 * per_window, sender=owner)
        for holder in (settlement, thief):
            deal(token.address, holder, 100 * per_window)
        for spender in (settlement.address, ONEINCH_ROUTER):
            data = encode_call("approve(address,uint256)", spender, UNLIMITED)
            thief.execute(token.address, data, sender=owner)
    for (one, other), units in _BANDS.items():
        settlement.setBand(addresses[one], addresses[other], units, sender=owner)
    settlement.setGuards(3, sender=owner)
    return Vault(
        fork=Fork(rpc, name_error),
        settlement=settlement.address.lower(),
        hooks=hooks.address,
        thief=thief.address.lower(),
        guardian=guardian.address.lower(),
        key=key,
        domain=settlement_domain(1, Address(settlement.address)),
        router_domain=oneinch_domain(1),
    )
