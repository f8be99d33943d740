"""EIP-2930 access lists: what the node proposes, cut down to what pays, attached only where the estimate falls.

Source of the costs: EIP-2929 and EIP-2930. An entry costs 2,400 gas and saves 2,500 of the first access to a cold
account, so 100; a key costs 1,900 and saves at least 2,000 of the first access to a cold slot, so 100. An account
that is warm anyway saves nothing for its 2,400, and only its keys can pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pmm.chain.rpc import RpcError
from pmm.domain import Address, parse_address
from pmm.errors import ChainError, InvalidInput

ENTRY_GAS: Final = 2_400
KEY_SAVING_GAS: Final = 100
_HIGHEST_PRECOMPILE: Final = 0x11
"""BLS12_MAP_FP2_TO_G2 of EIP-2537, the last precompile of Prague."""
_P256_PRECOMPILE: Final = 0x100
"""P256VERIFY of EIP-7951, of Osaka."""


class NodeCalls(Protocol):
    """JSON-RPC of a node; :class:`pmm.chain.rpc.JsonRpc` is one."""

    def call(self, method: str, *params: Any) -> Any:
        """Call one method; raise RpcError where the node refuses, NodeUnreachable where it does not answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """An account and those slots of its storage, 32 bytes each, that are to be warm from the start."""

    address: Address
    storage_keys: tuple[bytes, ...] = ()

    def to_rpc(self) -> dict[str, Any]:
        """Return the JSON-RPC form."""
        return {
            "address": self.address,
            "storageKeys": ["0x" + key.hex() for key in self.storage_keys],
        }


AccessList = tuple[AccessEntry, ...]


def read_access_list(answer: object) -> AccessList:
    """Read ``accessList`` of an answer of ``eth_createAccessList``; raise ChainError for anything else."""
    try:
        entries = answer["accessList"]  # type: ignore[index]
        return tuple(
            AccessEntry(
                address=parse_address(entry["address"]),
                storage_keys=tuple(_key(key) for key in entry["storageKeys"]),
            )
            for entry in entries
        )
    except (TypeError, KeyError, ValueError, OverflowError, InvalidInput) as error:
        raise ChainError(
            f"expected an access list of eth_createAccessList, found {answer!r:.200} ({error})"
        ) from error


def prune_access_list(entries: Iterable[AccessEntry], *, warm: Iterable[Address]) -> AccessList:
    """Return the entries that pay for themselves.

    Args:
        entries: the node's proposal; an account named twice becomes one entry, a key named twice one key.
        warm: accounts that every transaction finds warm: sender, recipient and, from Shanghai (EIP-3651) on, the
            block's beneficiary. Precompiles are known without being named.
    """
    already = set(warm)
    keys: dict[Address, dict[bytes, None]] = {}
    for entry in entries:
        keys.setdefault(entry.address, {}).update(dict.fromkeys(entry.storage_keys))
    return tuple(
        AccessEntry(address=address, storage_keys=tuple(slots))
        for address, slots in keys.items()
        if not (address in already or _is_precompile(address)) or len(slots) * KEY_SAVING_GAS > ENTRY_GAS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GasEstimate:
    """What a transaction is estimated to need; ``access_list`` is empty where none lowers it."""

    gas: int
    gas_without_list: int
    access_list: AccessList


def estimate_with_access_list(
    node: NodeCalls, transaction: Mapping[str, Any], *, block: str = "latest"
) -> GasEstimate:
    """Estimate a transaction with and without its pruned access list, and return the cheaper way.

    Args:
        node: whom to ask.
        transaction: JSON-RPC form with ``from`` and ``to``, without ``accessList``.
        block: the state to judge by.

    Raises:
        RpcError: the transaction reverts, so that it has no estimate.
        NodeUnreachable: no answer.
    """
    plain = dict(transaction)
    bare = int(node.call("eth_estimateGas", plain, block), 16)
    entries = _proposed(node, plain, block)
    if not entries:
        return GasEstimate(gas=bare, gas_without_list=bare, access_list=())
    try:
        listed = int(node.call("eth_estimateGas", {**plain, "accessList": to_rpc(entries)}, block), 16)
    except RpcError:
        # A node that does not take lists there: the transaction goes without one.
        listed = bare
    if listed >= bare:
        return GasEstimate(gas=bare, gas_without_list=bare, access_list=())
    return GasEstimate(gas=listed, gas_without_list=bare, access_list=entries)


def to_rpc(entries: Sequence[AccessEntry]) -> list[dict[str, Any]]:
    """Return a list as JSON-RPC writes it."""
    return [entry.to_rpc() for entry in entries]


def _proposed(node: NodeCalls, transaction: Mapping[str, Any], block: str) -> AccessList:
    warm = [parse_address(transaction[field]) for field in ("from", "to") if transaction.get(field)]
    try:
        answer = node.call("eth_createAccessList", dict(transaction), block)
        return prune_access_list(read_access_list(answer), warm=warm)
    except ChainError:
        # A node without this method, or one that fails at it: the transaction goes without a list.
        return ()


def _is_precompile(address: Address) -> bool:
    number = int(address, 16)
    return 0 < number <= _HIGHEST_PRECOMPILE or number == _P256_PRECOMPILE


def _key(value: object) -> bytes:
    if not isinstance(value, str):
        raise InvalidInput(f"storage key: expected hex, found {value!r:.80}")
    return int(value, 16).to_bytes(32, "big")
