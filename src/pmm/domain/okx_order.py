"""The order of OKX's settlement contract: its fields, its EIP-712 digest, and how the desk keeps it.

Source: okxlabs/Web3-DEX-EVM-PMM, src/OrderRFQLib.sol and src/PmmProtocol.sol (v4.0, domain version 1.1).

The desk keeps every order in the eight words of 1inch's v4 order, whatever contract settles it. What OKX's order has
beside them travels in two places: the salt is the ``rfqId``, the extension holds the decay. ``from_kept`` turns the
kept form into the order that is signed; nothing but the digest of that one leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pmm.domain.eip712 import OrderDomain
from pmm.domain.maker_traits import MakerTraits, allowed_sender_of
from pmm.domain.native_backends import keccak256
from pmm.domain.orders import RfqOrder
from pmm.domain.tokens import ZERO_ADDRESS, Address, parse_address
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

OKX_PMM_PROTOCOL = Address("0x5035D128ef482276Aa3bCce4307ffF8961ba30F9")
"""OKX's settlement contract on mainnet, third version (DEPLOYMENT.md of the source)."""

OKX_FIELDS: Final = (
    ("rfqId", "uint256"),
    ("expiry", "uint256"),
    ("makerAsset", "address"),
    ("takerAsset", "address"),
    ("makerAddress", "address"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("usePermit2", "bool"),
    ("confidenceT", "uint256"),
    ("confidenceWeight", "uint256"),
    ("confidenceCap", "uint256"),
    ("permit2Signature", "bytes"),
    ("permit2Witness", "bytes32"),
    ("permit2WitnessType", "string"),
)
OKX_ORDER_TYPE: Final = "OrderRFQ(" + ",".join(f"{kind} {name}" for name, kind in OKX_FIELDS) + ")"
_TYPEHASH: Final = keccak256(OKX_ORDER_TYPE.encode("ascii"))
RFQ_ID_BITS: Final = 64
"""The contract's replay bitmap takes the low 64 bits; a larger id would share another's bit."""

MIN_FILL_BPS: Final = 6_000
"""A fill below this share of either amount reverts (``_SETTLE_LIMIT``)."""

DECAY_UNIT: Final = 1_000_000
MAX_DECAY_CAP_E6: Final = 50_000
"""5 %: the contract reverts a fill of an order with a higher cap (``_CONFIDENCE_CAP_LIMIT``)."""

_EMPTY_HASH: Final = keccak256(b"")
# usePermit2 false before the decay, the three Permit2 fields empty behind it.
_NO_PERMIT2: Final = bytes(32)
_EMPTY_PERMIT2: Final = _EMPTY_HASH + bytes(32) + _EMPTY_HASH
_PAD: Final = bytes(12)
_DECAY_BYTES: Final = 15


def okx_domain(chain_id: int = 1, verifying_contract: Address = OKX_PMM_PROTOCOL) -> OrderDomain:
    """Return the domain of OKX's settlement contract on a chain."""
    return OrderDomain(
        name="OKX Labs PMM Protocol",
        version="1.1",
        chain_id=chain_id,
        verifying_contract=verifying_contract,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxDecay:
    """How an order of OKX's gets worse for the taker as it ages ("confidence", time slippage).

    After unix second ``start_s`` the making amount falls by ``weight_e6_s`` millionths each second, at most by
    ``cap_e6`` millionths. One zero switches it off. Raises InvalidInput for a cap above 5 %, which no fill passes.
    """

    start_s: int = 0
    weight_e6_s: int = 0
    cap_e6: int = 0

    def __post_init__(self) -> None:
        check_uint(self.start_s, "confidenceT", 40)
        check_uint(self.weight_e6_s, "confidenceWeight", 40)
        if check_uint(self.cap_e6, "confidenceCap", 40) > MAX_DECAY_CAP_E6:
            raise InvalidInput(
                f"confidenceCap: expected at most {MAX_DECAY_CAP_E6} (5 %), found {self.cap_e6}"
            )

    def making_amount_after(self, making_amount: int, at_s: int) -> int:
        """Return what the contract pays of a making amount at a unix second: its own formula and rounding."""
        if 0 in (self.start_s, self.weight_e6_s, self.cap_e6) or at_s <= self.start_s:
            return making_amount
        cut_e6 = min((at_s - self.start_s) * self.weight_e6_s, self.cap_e6)
        return making_amount - making_amount * cut_e6 // DECAY_UNIT

    def encode(self) -> bytes:
        """Return the 15 bytes that the kept form of an order carries; none when nothing is set."""
        parts = (self.start_s, self.weight_e6_s, self.cap_e6)
        return b"".join(part.to_bytes(5, "big") for part in parts) if any(parts) else b""

    @classmethod
    def decode(cls, data: bytes) -> OkxDecay:
        """Read what :meth:`encode` returned; raise InvalidInput for another length."""
        if not data:
            return cls()
        if len(data) != _DECAY_BYTES:
            raise InvalidInput(f"decay: expected {_DECAY_BYTES} bytes, found {len(data)}")
        start, weight, cap = (int.from_bytes(data[at : at + 5], "big") for at in (0, 5, 10))
        return cls(start_s=start, weight_e6_s=weight, cap_e6=cap)


NO_DECAY: Final = OkxDecay()


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxOrder:
    """An ``OrderRFQ``: the maker pays by plain allowance, Permit2 is not used.

    Amounts are base units, both at least 1. Addresses are normalised. The contract names no taker: whoever has the
    signature can fill. Raises InvalidInput naming the field that is out of range.
    """

    rfq_id: int
    expiry_s: int
    maker: Address
    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int
    decay: OkxDecay = NO_DECAY

    def __post_init__(self) -> None:
        check_uint(self.rfq_id, "rfqId", RFQ_ID_BITS)
        check_uint(self.expiry_s, "expiry", 40)
        for name, value in (("makerAmount", self.making_amount), ("takerAmount", self.taking_amount)):
            if check_uint(value, name) == 0:
                raise InvalidInput(f"{name}: expected at least 1 base unit, found 0")
        for name, field in (
            ("makerAddress", "maker"),
            ("makerAsset", "maker_asset"),
            ("takerAsset", "taker_asset"),
        ):
            address = parse_address(getattr(self, field), name)
            if address == ZERO_ADDRESS:
                raise InvalidInput(f"{name}: expected an address, found the zero address")
            object.__setattr__(self, field, address)

    def digest(self, domain: OrderDomain) -> bytes:
        """Return the 32-byte EIP-712 digest, equal to the contract's ``OrderRFQLib.hash``."""
        fromhex = bytes.fromhex
        struct = b"".join(
            (
                _TYPEHASH,
                self.rfq_id.to_bytes(32, "big"),
                self.expiry_s.to_bytes(32, "big"),
                _PAD,
                fromhex(self.maker_asset[2:]),
                _PAD,
                fromhex(self.taker_asset[2:]),
                _PAD,
                fromhex(self.maker[2:]),
                self.making_amount.to_bytes(32, "big"),
                self.taking_amount.to_bytes(32, "big"),
                _NO_PERMIT2,
                self.decay.start_s.to_bytes(32, "big"),
                self.decay.weight_e6_s.to_bytes(32, "big"),
                self.decay.cap_e6.to_bytes(32, "big"),
                _EMPTY_PERMIT2,
            )
        )
        return keccak256(domain.prefix + keccak256(struct))

    def kept(self, *, taker: Address) -> tuple[RfqOrder, bytes]:
        """Return the form that desk and journal keep, and its extension; ``taker`` is who asked."""
        extension = self.decay.encode()
        traits = MakerTraits(
            has_extension=bool(extension),
            series=self.rfq_id >> 40,
            nonce_or_epoch=self.rfq_id & (1 << 40) - 1,
            expiration_s=self.expiry_s,
            allowed_sender=allowed_sender_of(taker),
        )
        order = RfqOrder(
            salt=self.rfq_id,
            maker=self.maker,
            maker_asset=self.maker_asset,
            taker_asset=self.taker_asset,
            making_amount=self.making_amount,
            taking_amount=self.taking_amount,
            maker_traits=traits.encode(),
        )
        return order, extension

    @classmethod
    def from_kept(cls, order: RfqOrder, extension: bytes) -> OkxOrder:
        """Return the order whose kept form this is; raises InvalidInput where it cannot be one."""
        return cls(
            rfq_id=order.salt,
            expiry_s=order.traits.expiration_s,
            maker=order.maker,
            maker_asset=order.maker_asset,
            taker_asset=order.taker_asset,
            making_amount=order.making_amount,
            taking_amount=order.taking_amount,
            decay=OkxDecay.decode(extension),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: camelCase names, amounts and the id as decimal strings."""
        return {
            "rfqId": str(self.rfq_id),
            "expiry": self.expiry_s,
            "makerAsset": self.maker_asset,
            "takerAsset": self.taker_asset,
            "makerAddress": self.maker,
            "makerAmount": str(self.making_amount),
            "takerAmount": str(self.taking_amount),
            "usePermit2": False,
            "confidenceT": self.decay.start_s,
            "confidenceWeight": self.decay.weight_e6_s,
            "confidenceCap": self.decay.cap_e6,
            "permit2Signature": "0x",
            "permit2Witness": "0x" + "00" * 32,
            "permit2WitnessType": "",
        }
