"""What stands where: one record per contract, and the names the builder gave to addresses.

Every module of :mod:`pmm.localnet.protocols` offers ``build(chain, packages, book) -> list[Placement]`` and may
offer ``seed(chain, book) -> None`` and ``compile_ahead(packages) -> None``; all compilations run first, side by
side, then all builds in order, then all seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from eth_utils.address import to_checksum_address

from pmm.errors import SetupError
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import Pool
from pmm.localnet.tarballs import Packages


class Evidence(StrEnum):
    """How good the code at an address is.

    PROVEN: identical to mainnet's, by address derivation or code hash. PUBLISHED: bytecode the protocol itself
    published. COMPILED: the protocol's own source, compiled here, not compared to the chain. STAND_IN: something
    that behaves alike where it matters.
    """

    PROVEN = "proven"
    PUBLISHED = "published"
    COMPILED = "compiled"
    STAND_IN = "stand-in"


class Method(StrEnum):
    """How the code got there; see :mod:`pmm.localnet.placement`. NATURAL: created by another placed contract."""

    BY_NONCE = "A"
    BY_SALT = "B"
    IN_PLACE = "C"
    SET_CODE = "D"
    NATURAL = "natural"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One contract of the offline mainnet.

    Attributes:
        protocol: family for people (``"Uniswap V3"``).
        name: contract or pool (``"SwapRouter02"``).
        package: where the code comes from; ``version`` of it.
    """

    protocol: str
    name: str
    address: str
    package: str
    version: str
    evidence: Evidence
    method: Method

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", to_checksum_address(self.address))


class AddressBook:
    """Addresses by name of what was built, for the modules that run later."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._addresses:
            raise SetupError(
                f"expected {name} to be built before it is used, found {sorted(self._addresses)}"
            )
        return self._addresses[name]

    def __setitem__(self, name: str, address: str) -> None:
        self._addresses[name] = to_checksum_address(address)

    def __contains__(self, name: str) -> bool:
        return name in self._addresses

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses)

    def as_dict(self) -> dict[str, str]:
        """Return a copy, for writing it down."""
        return dict(self._addresses)


class ProtocolModule(Protocol):
    """What the builder needs of a module; ``seed`` is looked up and may be absent."""

    def build(self, chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
        """Place the protocol's contracts."""


class PoolVenue(Protocol):
    """What moving prices needs of a Uniswap version."""

    def pool_address(self, chain: ChainBuilder, pool: Pool) -> str:
        """Return the pool's (or the pool manager's) address."""

    def sqrt_price(self, chain: ChainBuilder, pool: Pool) -> int | None:
        """Return the Q64.96 square-root price, None where the pool does not exist."""

    def move(self, chain: ChainBuilder, pool: Pool, target_sqrt_x96: int) -> None:
        """Swap as the price mover until the pool stands at the target."""
