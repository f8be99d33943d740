"""EIP-712 digests of orders, hand-rolled over a precomputed domain separator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pmm.domain.native_backends import keccak256
from pmm.domain.orders import FIELDS, RfqOrder
from pmm.domain.tokens import Address, address_to_bytes, parse_address
from pmm.domain.words import check_uint

ROUTER_V6 = Address("0x111111125421cA6dc452d289314280a0f8842A65")
"""1inch Aggregation Router V6, which holds Limit Order Protocol v4, on mainnet and most other chains."""

SETTLEMENT_NAME = "pmm RfqSettlement"

ORDER_TYPE = "Order(" + ",".join(f"{kind} {name}" for name, _, kind in FIELDS) + ")"
ORDER_TYPEHASH = keccak256(ORDER_TYPE.encode("ascii"))
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_DOMAIN_TYPEHASH = keccak256(_DOMAIN_TYPE.encode("ascii"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDomain:
    """An EIP-712 domain of four fields; ``separator`` is computed once."""

    name: str
    version: str
    chain_id: int
    verifying_contract: Address
    separator: bytes = field(init=False, repr=False, compare=False)
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_uint(self.chain_id, "chainId")
        contract = parse_address(self.verifying_contract, "verifyingContract")
        separator = keccak256(
            _DOMAIN_TYPEHASH
            + keccak256(self.name.encode("utf-8"))
            + keccak256(self.version.encode("utf-8"))
            + self.chain_id.to_bytes(32, "big")
            + bytes(12)
            + address_to_bytes(contract)
        )
        object.__setattr__(self, "verifying_contract", contract)
        object.__setattr__(self, "separator", separator)
        object.__setattr__(self, "prefix", b"\x19\x01" + separator)

    @property
    def is_own(self) -> bool:
        """Tell whether this is the domain of our settlement contract, at whatever address."""
        return self.name == SETTLEMENT_NAME

    def to_dict(self) -> dict[str, Any]:
        """Return the domain as wallets and ``eth_signTypedData_v4`` take it."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }


def oneinch_domain(chain_id: int = 1, verifying_contract: Address = ROUTER_V6) -> OrderDomain:
    """Return the domain of 1inch's router V6 on a chain."""
    return OrderDomain(
        name="1inch Aggregation Router",
        version="6",
        chain_id=chain_id,
        verifying_contract=verifying_contract,
    )


def settlement_domain(chain_id: int, address: Address) -> OrderDomain:
    """Return the domain of our RfqSettlement contract at ``address``."""
    return OrderDomain(name=SETTLEMENT_NAME, version="1", chain_id=chain_id, verifying_contract=address)


def order_hash(order: RfqOrder, domain: OrderDomain) -> bytes:
    """Return the 32-byte EIP-712 digest of an order, equal to the contract's ``hashOrder``."""
    return keccak256(domain.prefix + keccak256(ORDER_TYPEHASH + order.encode()))


def typed_data(order: RfqOrder, domain: OrderDomain) -> dict[str, Any]:
    """Return the full EIP-712 message for a wallet or an independent implementation."""
    message: dict[str, Any] = {name: getattr(order, attribute) for name, attribute, _ in FIELDS}
    return {
        "domain": domain.to_dict(),
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Order": [{"name": name, "type": kind} for name, _, kind in FIELDS],
        },
        "primaryType": "Order",
        "message": message,
    }
