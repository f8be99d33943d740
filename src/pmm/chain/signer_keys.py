"""The quoting key: generated in memory and registered by impersonation on anvil, from a keystore elsewhere."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from eth_account import Account

from pmm.chain.inventory import init_lanes_call, owner_call, revoke_call, signers_call, signers_of
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.chain.web3_node import Call
from pmm.domain import Address, SigningKey, parse_address, to_hex
from pmm.errors import ChainError, SetupError, UnsafeToSign

_GAS_MONEY_WEI = 10**18
MAX_SIGNERS = 16
"""Active signers that a settlement contract holds."""


def generated_key() -> SigningKey:
    """Return a key that exists in this process only."""
    return SigningKey.generate(secrets.token_bytes)


def keystore_key(path: Path, password: str) -> SigningKey:
    """Decrypt an Ethereum keystore file; raise SetupError when that fails, without repeating the password."""
    try:
        encrypted = json.loads(path.read_text())
        return SigningKey(bytes(Account.decrypt(encrypted, password)))
    except OSError as error:
        raise SetupError(
            f"expected a keystore at {path}, found: {error.strerror}; set PMM_KEYSTORE"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"expected an encrypted keystore at {path} and its password, could not decrypt it; "
            "check the file and PMM_KEYSTORE_PASSWORD"
        ) from error


def register_by_impersonation(
    rpc: JsonRpc, settlement: Address, signer: Address, *, lanes: int, keep: Sequence[str] = ()
) -> None:
    """Open lanes for a signer as the settlement contract's owner, whom anvil lets us play.

    The contract holds 16 signers: where they are all taken, the first that is not in ``keep``, left behind by an
    earlier run, makes room.

    Raises:
        UnsafeToSign: the node does not impersonate, so it is not anvil.
        ChainError: the contract refused.
    """
    calls = [init_lanes_call(settlement, signer, lanes)]
    signers = signers_now(rpc, settlement)
    kept = {address.lower() for address in keep}
    if len(signers) >= MAX_SIGNERS:
        left_behind = next((other for other in signers if other.lower() not in kept), None)
        if left_behind is None:
            raise ChainError(
                f"expected room for signer {signer} in {settlement}, found {MAX_SIGNERS} signers of its "
                "deployment record; start a fresh fork"
            )
        calls.insert(0, revoke_call(settlement, left_behind))
    act_as_owner(rpc, settlement, calls, f"to open {lanes} lanes for signer {signer}")


def revoke_by_impersonation(rpc: JsonRpc, settlement: Address, signer: Address) -> None:
    """Take the lanes of a run's signer away, which voids what it signed; raises as the registration."""
    act_as_owner(rpc, settlement, [revoke_call(settlement, signer)], f"to revoke signer {signer}")


def act_as_owner(rpc: JsonRpc, settlement: Address, calls: Sequence[Call], what: str) -> list[str]:
    """Send transactions as the settlement contract's owner; return their hashes.

    Raises UnsafeToSign when the node does not impersonate, ChainError when the contract refuses.
    """
    owner = _owner(rpc, settlement)
    sent: list[str] = []
    try:
        rpc.call("anvil_impersonateAccount", owner)
    except RpcError as error:
        raise UnsafeToSign(
            f"expected anvil at {rpc.shown_url}, which lets an owner be impersonated, "
            f"found a node that does not: {error}"
        ) from error
    try:
        if int(rpc.call("eth_getBalance", owner, "latest"), 16) < _GAS_MONEY_WEI:
            rpc.call("anvil_setBalance", owner, hex(_GAS_MONEY_WEI))
        for target, data in calls:
            transaction = {"from": owner, "to": target, "data": to_hex(data)}
            sent.append(rpc.call("eth_sendTransaction", transaction))
            receipt = _mined(rpc, sent[-1])
            if int(receipt["status"], 16) != 1:
                raise ChainError(f"expected {settlement} {what}, the transaction reverted")
    except RpcError as error:
        raise ChainError(
            f"expected {settlement} {what}, it refused: {error}; "
            "check that the deployment record belongs to this fork"
        ) from error
    finally:
        rpc.call("anvil_stopImpersonatingAccount", owner)
    return sent


def signers_now(rpc: JsonRpc, settlement: Address) -> tuple[str, ...]:
    """Return who may sign for a settlement contract; raises ChainError where there is none."""
    target, data = signers_call(settlement)
    try:
        answer: str = rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")
    except RpcError as error:
        raise _no_settlement(settlement) from error
    return signers_of(bytes.fromhex(answer[2:]))


def _mined(rpc: JsonRpc, transaction_hash: str) -> dict[str, str]:
    for mine_it in (False, True):
        if mine_it:
            # A fork with automining switched off.
            rpc.call("evm_mine")
        receipt = rpc.call("eth_getTransactionReceipt", transaction_hash)
        if isinstance(receipt, dict):
            return receipt
    raise ChainError(
        f"expected transaction {transaction_hash} to be mined; switch automining on (evm_setAutomine)"
    )


def _owner(rpc: JsonRpc, settlement: Address) -> Address:
    target, data = owner_call(settlement)
    try:
        answer: str = rpc.call("eth_call", {"to": target, "data": to_hex(data)}, "latest")
    except RpcError as error:
        raise _no_settlement(settlement) from error
    if len(answer) != 66:
        raise _no_settlement(settlement)
    return parse_address("0x" + answer[26:], "owner")


def _no_settlement(address: Address) -> ChainError:
    return ChainError(
        f"expected RfqSettlement at {address}, found a contract without owner; check the deployment record"
    )
