"""OKX's maker account on chain: what OKX's contract may take of it, and which of its ids are used up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pmm.chain.abi import encode_call
from pmm.chain.inventory import balance_call
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import Address, Token
from pmm.errors import ChainError
from pmm.execution import (
    ChainView,
    MakerAccount,
    NonceKey,
    NonceWord,
    NonceWords,
    Settlement,
    nonce_of,
    nonces_of,
)

_WORD_BYTES = 32


class ViewReader(Protocol):
    """Whatever reads a chain view."""

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        """Return the chain as it is now; raises ChainError."""
        ...


class OkxMakerReader:
    """A reader whose views hold OKX's maker account beside everything else, all of one block."""

    def __init__(
        self,
        reader: ViewReader,
        node: Web3Node,
        *,
        maker: Address,
        tokens: Sequence[Token],
        contract: Address,
    ) -> None:
        self._reader = reader
        self._node = node
        self._maker = maker
        self._tokens = tuple(tokens)
        self._contract = contract
        self._known: ChainView | None = None

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        """Return the chain as it is now; raises ChainError as the reader below does."""
        words = NonceWords.of(watched).words
        view = self._reader.read(
            NonceWords({word: bits for word, bits in words.items() if word.settlement is not Settlement.OKX})
        )
        known = self._known
        if known is not None and known.reading == view.reading > 0:
            # The block stands, and so does this account.
            self._known = replace(view, spent=known.spent, accounts=known.accounts)
        else:
            self._known = self._with_account(view, words)
        return self._known

    def _with_account(self, view: ChainView, words: Mapping[NonceWord, int]) -> ChainView:
        mine = {
            _slot(nonces): (nonces, bits)
            for nonces, bits in words.items()
            if nonces.settlement is Settlement.OKX and nonces.signer == self._maker
        }
        slots = sorted(mine)
        tokens = self._tokens
        calls: list[Call] = [balance_call(token, self._maker) for token in tokens]
        calls += [
            (token.address, encode_call("allowance(address,address)", self._maker, self._contract))
            for token in tokens
        ]
        calls += [
            (self._contract, encode_call("invalidatorForOrderRFQ(address,uint256)", self._maker, slot))
            for slot in slots
        ]
        answers = self._node.multicall(calls, block=view.market.block_number)
        count = len(tokens)
        spendable = {
            token.address: min(
                word(balance, what=f"balance of {token.symbol} of OKX's maker"),
                word(allowance, what=f"allowance of {token.symbol} to OKX's contract"),
            )
            for token, balance, allowance in zip(
                tokens, answers[:count], answers[count : 2 * count], strict=True
            )
        }
        bitmaps = [self._bitmap(answer, view) for answer in answers[2 * count :]]
        spent = {
            nonce
            for slot, bitmap in zip(slots, bitmaps, strict=True)
            for nonce in nonces_of(mine[slot][0], mine[slot][1] & bitmap)
        }
        account = MakerAccount(address=self._maker, spendable=spendable)
        return replace(
            view,
            spent=frozenset(view.spent) | spent,
            accounts={**view.accounts, Settlement.OKX: account},
        )

    def _bitmap(self, answer: bytes | None, view: ChainView) -> int:
        if answer is not None and len(answer) == _WORD_BYTES:
            return word(answer, what="OKX's bitmap of used ids")
        if view.node.development:
            # OKX's contract is in no package: the offline mainnet has nothing at its address, so nothing is used.
            return 0
        raise ChainError(
            f"expected OKX's contract at {self._contract}, found none that answers; check PMM_OKX_CONTRACT"
        )


def _slot(word: NonceWord) -> int:
    """Return which word of OKX's bitmap it is."""
    first = NonceKey(settlement=word.settlement, signer=word.signer, lane=word.lane, nonce=word.place << 8)
    return nonce_of(first) >> 8
