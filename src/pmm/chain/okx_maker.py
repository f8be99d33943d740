"""OKX's maker account on chain: what OKX's contract may take of it, and which of its ids are used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pmm.chain.abi import encode_call
from pmm.chain.inventory import balance_call
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import Address, Token
from pmm.errors import ChainError
from pmm.execution import ChainView, MakerAccount, NonceKey, Settlement, nonce_of

_WORD_BYTES = 32


class ViewReader(Protocol):
    """Whatever reads a chain view."""

    def read(self, watched: Sequence[NonceKey]) -> ChainView:
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

    def read(self, watched: Sequence[NonceKey]) -> ChainView:
        """Return the chain as it is now; raises ChainError as the reader below does."""
        view = self._reader.read([key for key in watched if key.settlement is not Settlement.OKX])
        mine = [key for key in watched if key.settlement is Settlement.OKX and key.signer == self._maker]
        slots = sorted({nonce_of(key) >> 8 for key in mine})
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
        words = dict(zip(slots, (self._bitmap(answer, view) for answer in answers[2 * count :]), strict=True))
        spent = {key for key in mine if words[nonce_of(key) >> 8] >> (nonce_of(key) & 0xFF) & 1}
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
