"""Stops a signer in the settlement contract: two calls, sent by the guardian or, on anvil, as the owner."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.chain.signer_keys import act_as_owner
from pmm.domain import Address, to_hex
from pmm.errors import ChainError, SetupError

STOPS: Final = {"pause": "pauseSigner(address)", "cancel": "cancelAllLanes(address)"}
"""What can be asked for. Nothing else is ever sent: neither a resume nor a transfer."""
_POLL_S = 0.25
_RECEIPT_TIMEOUT_S = 60.0
_GAS_MARGIN_PERCENT = 130


class OwnerByImpersonation:
    """The owner of a settlement contract on a development node."""

    def __init__(self, url: str, settlement: Address, *, timeout_s: float) -> None:
        self._url = url
        self._settlement = settlement
        self._timeout_s = timeout_s

    def stop(self, signer: Address, how: str) -> str:
        """Pause a signer's lanes or void its orders; return the transaction's hash, raise ChainError."""
        call = (self._settlement, encode_call(STOPS[how], signer))
        with JsonRpc(self._url, timeout_s=self._timeout_s) as rpc:
            (sent,) = act_as_owner(rpc, self._settlement, [call], f"to {how} signer {signer}")
        return sent


class GuardianKey:
    """A key with the guardian's right, which can only reduce. ``repr`` shows its address only."""

    def __init__(
        self, url: str, settlement: Address, account: LocalAccount, *, chain_id: int, timeout_s: float
    ) -> None:
        self._url = url
        self._settlement = settlement
        self._account = account
        self._chain_id = chain_id
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"GuardianKey({self._account.address})"

    def stop(self, signer: Address, how: str) -> str:
        """Pause a signer's lanes or void its orders; return the hash of the mined transaction.

        Raises ChainError when the contract refuses, or the transaction was not mined within a minute.
        """
        data = to_hex(encode_call(STOPS[how], signer))
        call = {"from": self._account.address, "to": self._settlement, "data": data}
        with JsonRpc(self._url, timeout_s=self._timeout_s) as rpc:
            try:
                gas = int(rpc.call("eth_estimateGas", call), 16)
                sent = str(rpc.call("eth_sendRawTransaction", self._signed(rpc, data, gas)))
            except RpcError as error:
                raise ChainError(
                    f"expected {self._settlement} to {how} signer {signer}, it refused: {error}; check that "
                    f"{self._account.address} is its guardian and has ether for gas"
                ) from error
            _wait(rpc, sent)
        return sent

    def _signed(self, rpc: JsonRpc, data: str, gas: int) -> str:
        block = rpc.call("eth_getBlockByNumber", "latest", False)
        tip = int(rpc.call("eth_maxPriorityFeePerGas"), 16)
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": int(rpc.call("eth_getTransactionCount", self._account.address, "pending"), 16),
            "to": self._settlement,
            "value": 0,
            "data": data,
            "gas": gas * _GAS_MARGIN_PERCENT // 100,
            # A stop must not wait: three times the base fee outlives nine full blocks.
            "maxFeePerGas": 3 * int(block["baseFeePerGas"], 16) + 2 * tip,
            "maxPriorityFeePerGas": 2 * tip,
        }
        return to_hex(bytes(self._account.sign_transaction(transaction).raw_transaction))


def guardian_account(path: Path, password: str) -> LocalAccount:
    """Decrypt the guardian's keystore; raise SetupError without repeating the password."""
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(json.loads(path.read_text()), password))
    except OSError as error:
        raise SetupError(f"expected the guardian's keystore at {path}, found: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        raise SetupError(
            f"expected an encrypted keystore at {path} and its password, could not decrypt it; "
            "check PMM_SWITCHES_GUARDIAN_KEYSTORE and PMM_SWITCHES_GUARDIAN_PASSWORD"
        ) from None
    return account


def _wait(rpc: JsonRpc, sent: str) -> None:
    deadline_s = time.monotonic() + _RECEIPT_TIMEOUT_S
    while time.monotonic() < deadline_s:
        receipt = rpc.call("eth_getTransactionReceipt", sent)
        if isinstance(receipt, dict):
            if int(receipt["status"], 16) == 1:
                return
            raise ChainError(f"expected transaction {sent} to succeed, it reverted; look at it on chain")
        time.sleep(_POLL_S)
    raise ChainError(f"expected transaction {sent} to be mined within {_RECEIPT_TIMEOUT_S:.0f} s; watch it")
