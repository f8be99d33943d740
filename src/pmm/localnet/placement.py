"""Puts code at a chosen address of an anvil node, in the four ways that leave it as on mainnet.

Method A creates from the genuine deployer at the genuine nonce; B is CREATE2 through the deterministic
deployer (a proof, for it needs the exact creation code); C runs the constructor at the address itself and
needs no deployer; D sets runtime code, right only where there is neither storage nor an immutable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.errors import ChainError
from pmm.localnet.addresses import BUILDER

CREATE2_DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
MAX_GAS = 16_000_000  # anvil's default hardfork caps a transaction at 2**24
_RICH_WEI = 10**24
_MAX_FEE_PER_GAS_WEI = 10**13  # above any base fee of a fork; only the base fee is paid


def require_anvil(rpc: JsonRpc) -> None:
    """Require a node whose state may be changed at will.

    Raises:
        ChainError: the node is another client, such as a live one.
    """
    client = str(rpc.call("web3_clientVersion"))
    if not client.lower().startswith("anvil/"):
        raise ChainError(
            f"expected an anvil node at {rpc.url}, found {client!r}; balances, prices and code can be set on anvil "
            "only: point the command at `pmm localnet up` or at a fork"
        )


class ChainBuilder:
    """Sends impersonated transactions to an anvil node and places code on it.

    As a context manager it ends every impersonation it began, so that a node that others use stays as strict
    as it was.

    Args:
        rpc: a connection to an anvil node that this builder may change at will.
    """

    def __init__(self, rpc: JsonRpc) -> None:
        self.rpc = rpc
        self._ready: set[str] = set()

    def __enter__(self) -> ChainBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_impersonating()

    def stop_impersonating(self) -> None:
        """End every impersonation this builder began."""
        accounts, self._ready = self._ready, set()
        if accounts:
            self.rpc.batch([("anvil_stopImpersonatingAccount", (account,)) for account in sorted(accounts)])

    def send(
        self,
        to: str | None,
        data: bytes,
        *,
        sender: str,
        value: int = 0,
        gas: int = MAX_GAS,
        access_list: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """Send a transaction as ``sender``, with an access list in its JSON-RPC form, and return its receipt.

        Raises:
            ChainError: it reverted; the message carries the revert data.
        """
        self.fund(sender)
        transaction: dict[str, Any] = {
            "from": sender,
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(gas),
            "maxFeePerGas": hex(_MAX_FEE_PER_GAS_WEI),
            "maxPriorityFeePerGas": "0x0",
        }
        if to is not None:
            transaction["to"] = to
        if access_list:
            transaction["accessList"] = list(access_list)
        receipt: dict[str, Any] = self.rpc.call("eth_sendTransactionSync", transaction)
        if int(receipt["status"], 16) != 1:
            raise ChainError(
                f"expected a transaction to {to or 'create'} by {sender} to succeed: {self._why(transaction)}"
            )
        return receipt

    def transact(
        self, to: str, signature: str, *arguments: Any, sender: str, value: int = 0
    ) -> dict[str, Any]:
        """Call ``name(type,...)`` on ``to`` in a transaction; see :meth:`send`."""
        try:
            return self.send(to, encode_call(signature, *arguments), sender=sender, value=value)
        except ChainError as error:
            raise ChainError(f"{signature} on {to}: {error}") from error

    def read(self, to: str, signature: str, *arguments: Any, returns: tuple[str, ...] = ("uint256",)) -> Any:
        """Call a view; returns the single value, or a tuple where ``returns`` has several types."""
        data = self.call(to, encode_call(signature, *arguments))
        values = decode_result(returns, data)
        return values[0] if len(values) == 1 else values

    def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """Run ``eth_call`` and return the raw answer."""
        request = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        return bytes.fromhex(self.rpc.call("eth_call", request, "latest")[2:])

    def fund(self, account: str) -> None:
        """Impersonate ``account`` and see (once) that it can pay for any number of transactions."""
        # Every time: another builder on the same node may have ended the impersonation meanwhile.
        if not self._ready:
            require_anvil(self.rpc)
        self.rpc.call("anvil_impersonateAccount", account)
        if account in self._ready:
            return
        if int(self.rpc.call("eth_getBalance", account, "latest"), 16) < _RICH_WEI // 2:
            self.rpc.call("anvil_setBalance", account, hex(_RICH_WEI))
        self._ready.add(account)

    def create(self, initcode: bytes, *, sender: str) -> str:
        """Create from ``sender`` at its present nonce and return the address."""
        return to_checksum_address(self.send(None, initcode, sender=sender)["contractAddress"])

    def place_by_nonce(self, deployer: str, nonce: int, initcode: bytes, *, expected: str) -> str:
        """Method A: create as ``deployer`` at ``nonce``; the result must be ``expected``."""
        self.rpc.call("anvil_setNonce", deployer, hex(nonce))
        return self._check(self.create(initcode, sender=deployer), expected)

    def place_by_salt(self, salt: bytes, initcode: bytes, *, expected: str) -> str:
        """Method B: CREATE2 through the deterministic deployer; landing at ``expected`` proves the code."""
        self.send(CREATE2_DEPLOYER, salt.rjust(32, b"\0") + initcode, sender=BUILDER)
        if not self.code(expected):
            raise ChainError(
                f"expected CREATE2 to reach {expected}, found no code there: the creation code differs"
            )
        return to_checksum_address(expected)

    def place_in_place(self, address: str, initcode: bytes, *, sender: str) -> str:
        """Method C: run the constructor at ``address``; storage, immutables and children come out right."""
        address = to_checksum_address(address)
        self.rpc.call("anvil_setCode", address, "0x" + initcode.hex())
        self.rpc.call("anvil_setNonce", address, "0x1")
        runtime = self.call(address, b"", sender=sender)
        self.send(address, b"", sender=sender)
        self.set_code(address, runtime)
        return address

    def set_code(self, address: str, runtime: bytes) -> str:
        """Method D: set runtime code; storage stays what it is."""
        self.rpc.call("anvil_setCode", address, "0x" + runtime.hex())
        return to_checksum_address(address)

    def code(self, address: str) -> bytes:
        """Return the runtime code at ``address``."""
        return bytes.fromhex(self.rpc.call("eth_getCode", address, "latest")[2:])

    def set_storage(self, address: str, slot: int, value: int) -> None:
        """Write one storage word."""
        self.rpc.call("anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{value:064x}")

    def _why(self, transaction: dict[str, Any]) -> str:
        try:
            self.rpc.call("eth_call", transaction, "latest")
        except RpcError as error:
            return str(error)
        return "it reverted when mined but not when called"

    @staticmethod
    def _check(found: str, expected: str) -> str:
        if found.lower() != expected.lower():
            raise ChainError(f"expected code at {expected}, found it at {found}")
        return found
