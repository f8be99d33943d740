"""The taker's wallet: a key made for this run, raw transactions, receipts."""

from __future__ import annotations

import time
from typing import Any

from eth_account import Account

from pmm.chain.rpc import JsonRpc, RpcError
from pmm.errors import ChainError

_FILL_GAS = 1_500_000
_MAX_FEE_PER_GAS_WEI = 100 * 10**9
_TIP_WEI = 10**9
_MINED_TIMEOUT_S = 10.0
_POLL_S = 0.01


class Wallet:
    """Signs and sends transactions of one key that exists only in this process.

    Attributes:
        address: checksummed.
        spent_wei: gas paid so far, from receipts.
    """

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self._account = Account.create()
        self.address = str(self._account.address)
        self.spent_wei = 0

    def send(self, to: str, data: bytes, *, value: int = 0) -> dict[str, Any]:
        """Send a transaction and return its receipt, whether it succeeded or not.

        Raises:
            ChainError: the node refused it or did not mine it.
        """
        nonce, chain_id = self._rpc.batch(
            [("eth_getTransactionCount", (self.address, "latest")), ("eth_chainId", ())]
        )
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": int(chain_id, 16),
                "nonce": int(nonce, 16),
                "to": to,
                "data": data,
                "value": value,
                "gas": _FILL_GAS,
                "maxFeePerGas": _MAX_FEE_PER_GAS_WEI,
                "maxPriorityFeePerGas": _TIP_WEI,
            }
        )
        digest = self._rpc.call(
            "eth_sendRawTransaction", "0x" + signed.raw_transaction.hex().removeprefix("0x")
        )
        receipt = self._receipt(str(digest))
        self.spent_wei += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return receipt

    def _receipt(self, digest: str) -> dict[str, Any]:
        deadline = time.monotonic() + _MINED_TIMEOUT_S
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self._rpc.call("eth_getTransactionReceipt", digest)
            if receipt is not None:
                return receipt
            time.sleep(_POLL_S)
        raise ChainError(
            f"expected transaction {digest} to be mined within {_MINED_TIMEOUT_S:.0f} s, it was not"
        )

    def why_it_reverts(self, to: str, data: bytes) -> str:
        """Return the revert data of a call, or an empty string where it would succeed."""
        try:
            self._rpc.call("eth_call", {"from": self.address, "to": to, "data": "0x" + data.hex()}, "latest")
        except RpcError as error:
            return error.data or str(error)
        return ""
