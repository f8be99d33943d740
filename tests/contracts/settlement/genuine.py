"""Tokens with the code that stands on mainnet, at their own addresses, with balances written into storage."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc

_HIGHEST_SLOT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine:
    """A token of the index of bytecode; calls go past Ape, which knows no ABI of it."""

    address: str
    rpc: JsonRpc

    def view(self, signature: str, *values: Any) -> int:
        request = {"to": self.address, "data": "0x" + encode_call(signature, *values).hex()}
        return int(self.rpc.call("eth_call", request, "latest"), 16)

    def balance(self, account: Any) -> int:
        return self.view("balanceOf(address)", _address(account))

    def allowance(self, account: Any, spender: Any) -> int:
        return self.view("allowance(address,address)", _address(account), _address(spender))

    def give(self, account: Any, amount: int) -> None:
        """Write the balance word, wherever the token keeps it."""
        holder = bytes.fromhex(_address(account)[2:]).rjust(32, b"\0")
        for slot in range(_HIGHEST_SLOT):
            at = "0x" + keccak(holder + slot.to_bytes(32, "big")).hex()
            before = self.rpc.call("eth_getStorageAt", self.address, at, "latest")
            self._store(at, amount)
            if self.balance(account) == amount:
                return
            self.rpc.call("anvil_setStorageAt", self.address, at, before)
        raise AssertionError(f"expected balances of {self.address} within {_HIGHEST_SLOT} slots, found none")

    def set_word(self, view: str, value: int) -> None:
        """Write the storage word behind a view."""
        for slot in range(_HIGHEST_SLOT):
            before = self.rpc.call("eth_getStorageAt", self.address, hex(slot), "latest")
            self._store(hex(slot), value)
            if self.view(view) == value:
                return
            self.rpc.call("anvil_setStorageAt", self.address, hex(slot), before)
        raise AssertionError(f"expected {view} of {self.address} within {_HIGHEST_SLOT} slots, found none")

    def send(self, signature: str, *values: Any, sender: Any) -> bool:
        """Send a transaction; tell whether it succeeded."""
        request = {
            "from": _address(sender),
            "to": self.address,
            "data": "0x" + encode_call(signature, *values).hex(),
            "gas": hex(500_000),
        }
        return int(self.rpc.call("eth_sendTransactionSync", request)["status"], 16) == 1

    def _store(self, at: str, value: int) -> None:
        self.rpc.call("anvil_setStorageAt", self.address, at, "0x" + value.to_bytes(32, "big").hex())


def _address(account: Any) -> str:
    return str(getattr(account, "address", account))


@contextmanager
def placed(rpc: JsonRpc, name: str) -> Iterator[Genuine]:
    """The code of ``name`` at its address, and afterwards what stood there; skips where there is none."""
    root = os.environ.get("PMM_DATA_DIR")
    if not root:
        pytest.skip("needs PMM_DATA_DIR with mainnet/bytecode")
    folder = Path(root) / "mainnet" / "bytecode"
    (entry,) = [each for each in json.loads((folder / "index.json").read_text()) if each["name"] == name]
    path = folder / entry["file"]
    if not path.exists():
        pytest.skip(f"needs {entry['file']} in PMM_DATA_DIR/mainnet/bytecode")
    code = path.read_text().strip()
    assert "0x" + keccak(bytes.fromhex(code.removeprefix("0x"))).hex() == entry["codehash"]
    address = entry["address"]
    before = rpc.call("eth_getCode", address, "latest")
    rpc.call("anvil_setCode", address, code)
    try:
        yield Genuine(address=address, rpc=rpc)
    finally:
        rpc.call("anvil_setCode", address, before)
        assert rpc.call("eth_getCode", address, "latest") == before
