"""Genuine mainnet runtime code from PMM_DATA_DIR in the place of published builds, compilations and stand-ins."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from pmm.chain.abi import encode_arguments
from pmm.errors import SetupError
from pmm.localnet.addresses import BUILDER, CHAIN_ID, DAI, USDT, WBTC
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import Evidence, Method, Placement

DATA_VARIABLE = "PMM_DATA_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenuineEntry:
    """One contract of the index: its address, code file and code hash."""

    name: str
    codehash: str
    path: Path


class GenuineCode:
    """The recorded runtime code of mainnet contracts, by address."""

    def __init__(self, folder: Path, entries: Mapping[str, GenuineEntry]) -> None:
        self._folder = folder
        self._entries = entries

    @classmethod
    def from_environment(cls) -> GenuineCode:
        """Read the index of the folder that PMM_DATA_DIR names.

        Raises:
            SetupError: the variable is unset or the folder has no bytecode index.
        """
        base = os.environ.get(DATA_VARIABLE)
        if not base:
            raise SetupError(
                f"expected {DATA_VARIABLE} to name the folder with mainnet/bytecode/index.json, found it unset; "
                "set it, or start without --genuine"
            )
        folder = Path(base) / "mainnet" / "bytecode"
        try:
            rows = json.loads((folder / "index.json").read_text())
        except (OSError, ValueError) as error:
            raise SetupError(
                f"expected the index of genuine bytecode at {folder / 'index.json'}, found: {error}; "
                f"correct {DATA_VARIABLE}, or start without --genuine"
            ) from error
        entries: dict[str, GenuineEntry] = {
            to_checksum_address(row["address"]): GenuineEntry(
                name=row["name"], codehash=row["codehash"], path=folder / row["file"]
            )
            for row in rows
        }
        return cls(folder, entries)

    def fingerprint(self) -> bytes:
        """Return a hash of the index, which holds every code hash."""
        return hashlib.sha256((self._folder / "index.json").read_bytes()).digest()

    def runtime(self, address: str) -> bytes | None:
        """Return the recorded code of ``address``, or None.

        Raises:
            SetupError: the file does not have the hash that the index states.
        """
        entry = self._entries.get(to_checksum_address(address))
        if entry is None:
            return None
        text = entry.path.read_text().strip().removeprefix("0x")
        code = bytes.fromhex(text)
        found = "0x" + keccak(code).hex()
        if found != entry.codehash:
            raise SetupError(
                f"expected code hash {entry.codehash} of {entry.path}, found {found}; restore the file"
            )
        return code

    def replace(self, chain: ChainBuilder, placements: list[Placement]) -> list[Placement]:
        """Put recorded code where it exists; returns the placements as they are now."""
        return [self._replace(chain, placement) for placement in placements]

    def _replace(self, chain: ChainBuilder, placement: Placement) -> Placement:
        code = self.runtime(placement.address)
        if code is None or code == chain.code(placement.address):
            return placement
        chain.set_code(placement.address, code)
        if fix := _STORAGE.get(placement.address):
            fix(chain)
        return replace(
            placement,
            package="mainnet",
            version="recorded runtime code",
            evidence=Evidence.PROVEN,
            method=Method.SET_CODE,
        )


def _short_string(text: str) -> int:
    """Return the storage word of a string of up to 31 bytes."""
    raw = text.encode()
    return int.from_bytes(raw.ljust(31, b"\0") + bytes([2 * len(raw)]))


def _set_usdt(chain: ChainBuilder) -> None:
    """Write what Tether's constructor writes; no fee, as on mainnet."""
    words = {
        0: int(BUILDER, 16),
        1: 0,
        3: 0,
        4: 0,
        7: _short_string("Tether USD"),
        8: _short_string("USDT"),
        9: 6,
    }
    for slot, value in words.items():
        chain.set_storage(USDT, slot, value)


def _set_dai(chain: ChainBuilder) -> None:
    """Write the domain separator; the stand-in keeps wards in the same slot as the real token."""
    domain = encode_arguments(
        ("bytes32", "bytes32", "bytes32", "uint256", "address"),
        keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak(text="Dai Stablecoin"),
        keccak(text="1"),
        CHAIN_ID,
        DAI,
    )
    chain.set_storage(DAI, 5, int.from_bytes(keccak(domain)))


def _set_wbtc(chain: ChainBuilder) -> None:
    """Write what the constructor writes: name, symbol, and decimals packed below the owner."""
    words = {0: 0, 3: _short_string("Wrapped BTC"), 4: _short_string("WBTC"), 5: int(BUILDER, 16) << 8 | 8}
    for slot, value in words.items():
        chain.set_storage(WBTC, slot, value)


_STORAGE: dict[str, Callable[[ChainBuilder], None]] = {USDT: _set_usdt, DAI: _set_dai, WBTC: _set_wbtc}
