"""What a node adds to an order's reasons: block time, nonce, balances, allowances, what its contract says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.lens import SIGNATURE_BITS, Lens, NoLensAnswer, find_lens, reason_text
from pmm.chain.reverts import explain_revert
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.cli.order_input import OrderRecord
from pmm.domain import PERMIT2, Address, Signature, to_hex
from pmm.domain.obstacles import Obstacle
from pmm.domain.verification import Verification, verify_order
from pmm.domain.words import UINT256_MAX
from pmm.errors import ChainError, InvalidInput

_MAGIC = bytes.fromhex("1626ba7e")  # isValidSignature's answer of ERC-1271


class ChainView:
    """One node at its latest block. Raises ChainError when it does not answer or answers nonsense."""

    def __init__(self, rpc: JsonRpc, *, lens: Address | None = None, deployment: Path | None = None) -> None:
        """Ask for chain id and latest block; ``lens`` and ``deployment`` say where a settlement's lens is."""
        self._rpc, self.lens, self.deployment = rpc, lens, deployment
        chain_id, block = self._rpc.batch([("eth_chainId", ()), ("eth_getBlockByNumber", ("latest", False))])
        try:
            self.chain_id = int(chain_id, 16)
            self.block_time_s = int(block["timestamp"], 16)
        except (TypeError, KeyError, ValueError) as error:
            raise ChainError(
                "expected chain id and latest block from the node, found something else"
            ) from error

    @classmethod
    def connect(
        cls, url: str, timeout_s: float, *, lens: Address | None = None, deployment: Path | None = None
    ) -> ChainView:
        """Ask the node at ``url``, waiting at most ``timeout_s`` for each answer."""
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput("--rpc: expected an http:// or https:// address")
        return cls(JsonRpc(url, timeout_s=timeout_s), lens=lens, deployment=deployment)

    def verify(self, record: OrderRecord, *, now_s: int, taker: Address | None) -> Verification:
        """Verify as off chain, a contract's signature by asking the contract, and add what the chain says."""
        order, domain = record.order, record.domain
        if self.chain_id != domain.chain_id:
            raise InvalidInput(
                f"--rpc: the order is for chain {domain.chain_id}, the node runs {self.chain_id}"
            )
        check = verify_order(order, domain, record.claim, now_s=now_s, taker=taker)
        if domain.is_own:
            faults, found = self._ask_settlement(record, taker)
        else:
            faults = list(self._contract_refusal(record, check)) if check.by_contract else []
            found = list(self._oneinch(record, check, taker))
        unanswered = ("no_contract", "no_lens")
        answered = not (domain.is_own and any(obstacle.code in unanswered for obstacle in found))
        if answered and check.signer and any(fault.code == "signer_unknown" for fault in check.faults):
            # The contract itself has judged the signer: its answer takes the place of a list of signers.
            claim = replace(record.claim, signers=frozenset({check.signer}))
            check = verify_order(order, domain, claim, now_s=now_s, taker=taker)
        return replace(check, faults=(*check.faults, *faults), obstacles=(*check.obstacles, *found))

    def _ask_settlement(
        self, record: OrderRecord, taker: Address | None
    ) -> tuple[list[Obstacle], list[Obstacle]]:
        order, contract = record.order, record.domain.verifying_contract
        try:
            signature = Signature.from_bytes(record.claim.signature or b"")
        except InvalidInput:
            return [], []  # verify_order has said so
        if self._rpc.call("eth_getCode", contract, "latest") in ("0x", None):
            detail = f"no RfqSettlement answers at {contract} on this chain"
            return [], [Obstacle(code="no_contract", detail=detail)]
        try:
            address = self.lens or find_lens(self.chain_id, contract, self.deployment)
            bits = Lens(self._rpc, address, contract).check_order(
                order, signature, extension=record.claim.extension, taker=taker, amount=order.making_amount
            )
        except (InvalidInput, NoLensAnswer) as error:
            # The order can be judged without a lens, only not by what stands on chain.
            return [], [
                Obstacle(code="no_lens", detail=f"{error}. What the chain says of it is not known here")
            ]
        faults = [_lens_obstacle(bit) for bit in bits if bit in SIGNATURE_BITS]
        return faults, [_lens_obstacle(bit) for bit in bits if bit not in SIGNATURE_BITS]

    def _oneinch(self, record: OrderRecord, check: Verification, taker: Address | None) -> Iterator[Obstacle]:
        order, router = record.order, record.domain.verifying_contract
        if self._rpc.call("eth_getCode", router, "latest") in ("0x", None):
            yield Obstacle(code="no_contract", detail=f"no code at {router} on this chain")
            return
        remaining = order.making_amount
        try:
            remaining = self._remaining(record, check)
        except (RpcError, _NoAnswerError) as error:
            yield Obstacle(code="nonce", detail=f"the contract did not tell the state of the nonce: {error}")
        if remaining == 0:
            yield Obstacle(code="spent", detail="filled or cancelled (BitInvalidatedOrder, InvalidatedOrder)")
        if order.traits.need_epoch_check:
            yield from self._epoch(record)
        owner_needs = ((order.maker, "maker", order.maker_asset, remaining, order.traits.use_permit2),)
        taker_needs = (
            () if taker is None else ((taker, "taker", order.taker_asset, order.taking_amount, False),)
        )
        for account, role, token, needed, permit2 in (*owner_needs, *taker_needs):
            yield from self._funds(account, role, token, needed, PERMIT2 if permit2 else router)

    def _remaining(self, record: OrderRecord, check: Verification) -> int:
        order, router, traits = record.order, record.domain.verifying_contract, record.order.traits
        if traits.use_bit_invalidator:
            function = "bitInvalidatorForOrder(address,uint256)"
            (word,) = self._read(router, function, ("uint256",), order.maker, traits.nonce_or_epoch)
            return 0 if word >> traits.nonce_bit & 1 else order.making_amount
        function = "rawRemainingInvalidatorForOrder(address,bytes32)"
        (raw,) = self._read(router, function, ("uint256",), order.maker, check.order_hash)
        # 1inch stores the complement of what remains; zero means the order was never touched.
        return int(UINT256_MAX ^ raw) if raw else order.making_amount

    def _epoch(self, record: OrderRecord) -> Iterator[Obstacle]:
        order, traits = record.order, record.order.traits
        router = record.domain.verifying_contract
        (epoch,) = self._read(router, "epoch(address,uint96)", ("uint256",), order.maker, traits.series)
        if epoch != traits.nonce_or_epoch:
            detail = f"the order says {traits.nonce_or_epoch}, the maker is at {epoch} (WrongSeriesNonce)"
            yield Obstacle(code="epoch", detail=detail)

    def _contract_refusal(self, record: OrderRecord, check: Verification) -> Iterator[Obstacle]:
        maker, signature = record.order.maker, record.claim.signature or b""
        try:
            function = "isValidSignature(bytes32,bytes)"
            (magic,) = self._read(maker, function, ("bytes4",), check.order_hash, signature)
            refusal = "" if magic == _MAGIC else f"answered {to_hex(magic)}"
        except RpcError as error:
            refusal = _revert_text(error)
        except _NoAnswerError as error:
            refusal = str(error)
        if refusal:
            yield Obstacle(code="contract_signature", detail=f"{maker} does not accept it: {refusal}")

    def _funds(
        self, account: Address, role: str, token: Address, needed: int, spender: Address
    ) -> Iterator[Obstacle]:
        try:
            (balance,) = self._read(token, "balanceOf(address)", ("uint256",), account)
            (allowance,) = self._read(token, "allowance(address,address)", ("uint256",), account, spender)
        except (RpcError, _NoAnswerError) as error:
            yield Obstacle(code="token", detail=f"{token} does not answer as a token: {error}")
            return
        if balance < needed:
            detail = f"{role} {account} holds {balance} of the {needed} base units of {token} for a full fill"
            yield Obstacle(code=f"{role}_balance", detail=detail)
        if allowance < needed:
            detail = f"{role} {account} approved {allowance} of {needed} base units of {token} to {spender}"
            yield Obstacle(code=f"{role}_allowance", detail=detail)

    def _read(self, to: Address, function: str, types: tuple[str, ...], *arguments: Any) -> tuple[Any, ...]:
        data = to_hex(encode_call(function, *arguments))
        answer = self._rpc.call("eth_call", {"to": to, "data": data}, "latest")
        raw = bytes.fromhex(str(answer).removeprefix("0x"))
        if not raw:
            raise _NoAnswerError(f"no code at {to}, or it does not know {function.partition('(')[0]}")
        return decode_result(types, raw)


def _lens_obstacle(bit: int) -> Obstacle:
    return Obstacle(code="settlement", detail=reason_text(bit))


def _revert_text(error: RpcError) -> str:
    data = bytes.fromhex(error.data.removeprefix("0x")) if error.data else b""
    return f"reverted with {explain_revert(data)}"


class _NoAnswerError(ChainError):
    """A call came back empty: nothing there, or no such function."""
