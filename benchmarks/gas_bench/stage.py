"""One bare chain with two tokens, a maker and a taker, on which every contract is measured alike.

What a figure depends on is fixed: keys, addresses, salts, amounts, nonces, expirations. No address and no
signature of ours has a zero byte, so that calldata does not differ by chance. The chain id is not mainnet's,
because the keys are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Self

from eth_abi.abi import encode
from eth_typing import HexAddress, HexStr
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import Nonce
from web3.utils.address import get_create_address

from gas_bench.build import bench_contract
from pmm.domain import SigningKey
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.placement import ChainBuilder

CHAIN_ID = 31_337
GENESIS_S = 1_900_000_000
EXPIRATION_S = GENESIS_S + 1_800
MAKING = 1_234_567_890_123_456_789
TAKING = 2_345_678_901_234_567_891
FORTUNE = 10**24
UNLIMITED = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transaction to measure; the taker sends it unless ``sender`` says otherwise."""

    to: str
    data: bytes
    sender: str | None = None
    value: int = 0


def bench_key(name: str) -> SigningKey:
    """Return a published key whose address has no zero byte; it never signs for chain id 1."""
    for number in count():
        key = SigningKey(keccak(text=f"pmm gas benchmark {name} {number}"))
        if _has_no_zero_byte(key.address):
            return key
    raise AssertionError


def deployer_for(name: str) -> str:
    """Return an account whose first contract gets an address without a zero byte."""
    for number in count():
        account = to_checksum_address(keccak(text=f"pmm gas benchmark deployer of {name} {number}")[-20:])
        if _has_no_zero_byte(_first_contract_of(account)):
            return account
    raise AssertionError


def _first_contract_of(account: str) -> str:
    return get_create_address(HexAddress(HexStr(account)), Nonce(0))


def _has_no_zero_byte(address: str) -> bool:
    return 0 not in bytes.fromhex(address[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How the two tokens come onto the chain, and how an account gets plenty of one."""

    place: Callable[[ChainBuilder], tuple[str, str]]
    fund: Callable[[ChainBuilder, str, str], None]


def _place_openzeppelin(chain: ChainBuilder) -> tuple[str, str]:
    compiled = bench_contract("BenchToken", "BenchToken")
    base, quote = (
        chain.create(compiled.creation(arguments=encode(["string"], [symbol])), sender=deployer_for(symbol))
        for symbol in ("BASE", "QUOTE")
    )
    return base, quote


def _mint(chain: ChainBuilder, token: str, account: str) -> None:
    chain.transact(token, "mint(address,uint256)", account, FORTUNE, sender=deployer_for("minter"))


OPENZEPPELIN = Tokens(place=_place_openzeppelin, fund=_mint)


class Stage:
    """The bare chain; a context manager.

    Attributes:
        base: the token the maker gives.
        quote: the token the taker gives.
        maker: the key that signs, and the account that pays where the maker is an EOA.
        taker: the key of the account that sends and pays.
        making: base units of ``base`` in every order.
        taking: base units of ``quote`` in every order.
        expiration_s: when every order expires.
    """

    def __init__(
        self,
        chain_id: int = CHAIN_ID,
        maker: SigningKey | None = None,
        taker: SigningKey | None = None,
        tokens: Tokens | None = None,
        *,
        making: int = MAKING,
        taking: int = TAKING,
        node: AnvilNode | None = None,
        lifetime_s: int | None = None,
    ) -> None:
        """Describe the stage.

        Args:
            node: another chain than a bare one; it keeps its chain id.
            lifetime_s: how long orders live from the node's present time on; by default they expire at a fixed
                time, which a bare chain does not reach.
        """
        self.chain_id = chain_id
        self.maker = maker or bench_key("maker")
        self.taker = taker or bench_key("taker")
        self.making, self.taking = making, taking
        self.expiration_s = EXPIRATION_S
        self._tokens = tokens or OPENZEPPELIN
        self._lifetime_s = lifetime_s
        self._is_bare = node is None
        self._node = node or AnvilNode(timestamp_s=GENESIS_S)

    def __enter__(self) -> Self:
        self._node.start()
        try:
            self._rpc = self._node.rpc(timeout_s=120)
            if self._is_bare:
                self._rpc.call("anvil_setChainId", self.chain_id)
            if self._lifetime_s is not None:
                block = self._rpc.call("eth_getBlockByNumber", "latest", False)
                self.expiration_s = int(block["timestamp"], 16) + self._lifetime_s
            self.chain = ChainBuilder(self._rpc)
            self.base, self.quote = self._tokens.place(self.chain)
            for account in (self.maker.address, self.taker.address):
                self.give(account)
        except BaseException:
            self._node.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._rpc.close()
        self._node.stop()

    def deploy(self, name: str, initcode: bytes) -> str:
        """Create a contract at an address without zero bytes that depends on ``name`` only."""
        return self.chain.create(initcode, sender=deployer_for(name))

    def address_of(self, name: str) -> str:
        """Return where ``deploy`` will put the contract of that name."""
        return _first_contract_of(deployer_for(name))

    def give(self, account: str) -> None:
        """Give an account plenty of both tokens."""
        for token in (self.base, self.quote):
            self._tokens.fund(self.chain, token, account)

    def approve(self, spender: str, *owners: str) -> None:
        """Let ``spender`` take both tokens of the owners without limit: maker and taker by default."""
        for owner in owners or (self.maker.address, self.taker.address):
            for token in (self.base, self.quote):
                self.chain.transact(token, "approve(address,uint256)", spender, UNLIMITED, sender=owner)

    def gas(self, call: Call) -> int:
        """Send the call and return its receipt's gas."""
        sender = call.sender or self.taker.address
        receipt = self.chain.send(call.to, call.data, sender=sender, value=call.value)
        return int(receipt["gasUsed"], 16)

    def fill(
        self,
        call: Call,
        *,
        holder: str | None = None,
        maker_fee: int = 0,
    ) -> int:
        """Send a fill, require both legs to the unit, and return its gas.

        Args:
            holder: who pays the making amount and gets the taking amount; the maker by default.
            maker_fee: what the holder pays beyond the making amount, to somebody else.
        """
        parties = (self.taker.address, holder or self.maker.address)
        before = [self.balances(party) for party in parties]
        gas = self.gas(call)
        after = [self.balances(party) for party in parties]
        moved = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(after, before, strict=True)]
        making, taking = self.making, self.taking
        expected = [(making, -taking), (-making - maker_fee, taking)]
        assert moved == expected, f"expected balances to move by {expected}, found {moved}"
        assert all(balance > 0 for pair in before for balance in pair), "a party held nothing of a token"
        return gas

    def balances(self, account: str) -> tuple[int, int]:
        """Return what the account holds of base and quote."""
        base, quote = (
            self.chain.read(token, "balanceOf(address)", account) for token in (self.base, self.quote)
        )
        return int(base), int(quote)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back everything that happens inside."""
        snapshot = self._rpc.call("evm_snapshot")
        yield
        assert self._rpc.call("evm_revert", snapshot)
        self.chain.stop_impersonating()  # it must not rely on balances that are gone
