"""Order extensions: 1inch's eight dynamic fields, our custom data behind them, and the salt rule.

``extension = offsets(32 bytes) || fields || custom data``; the end of field i is the uint32 at bits 32*i of
the offsets word. Source: 1inch/limit-order-protocol, contracts/libraries/ExtensionLib.sol and OffsetsLib.sol.

Our custom data (own domain only): flags byte (bit 0 private taker, bit 1 funding plan), then the full taker
address (20 bytes) where flagged, and where flagged the plan word (32 bytes) with the route behind it, to the end.

On 1inch's domain the fields 6 and 7 may hold our hooks, see ``RouterHookTerms``; every other field stays empty.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from pmm.domain.funding_plan import FundingPlan
from pmm.domain.native_backends import keccak256
from pmm.domain.tokens import ZERO_ADDRESS, Address, address_from_bytes, address_to_bytes
from pmm.domain.words import MASK_160, check_uint
from pmm.errors import InvalidInput

EXTENSION_FIELDS = (
    "maker_asset_suffix",
    "taker_asset_suffix",
    "making_amount_data",
    "taking_amount_data",
    "predicate",
    "maker_permit",
    "pre_interaction_data",
    "post_interaction_data",
)
_HAS_TAKER = 1
_HAS_PLAN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The eight fields of an extension and the custom data after them; all empty means no extension."""

    maker_asset_suffix: bytes = b""
    taker_asset_suffix: bytes = b""
    making_amount_data: bytes = b""
    taking_amount_data: bytes = b""
    predicate: bytes = b""
    maker_permit: bytes = b""
    pre_interaction_data: bytes = b""
    post_interaction_data: bytes = b""
    custom_data: bytes = b""

    def encode(self) -> bytes:
        """Return the extension bytes, empty when every field is; raise InvalidInput past 2^32 bytes."""
        if not any(getattr(self, field.name) for field in fields(self)):
            return b""
        offsets, end, body = 0, 0, b""
        for index, name in enumerate(EXTENSION_FIELDS):
            part: bytes = getattr(self, name)
            end += len(part)
            offsets |= check_uint(end, f"end of {name}", 32) << 32 * index
            body += part
        return offsets.to_bytes(32, "big") + body + self.custom_data

    @classmethod
    def decode(cls, data: bytes) -> Extension:
        """Split extension bytes; raise InvalidInput when offsets are cut, run backwards or past the end."""
        if not data:
            return cls()
        if len(data) < 32:
            raise InvalidInput(
                f"extension: expected at least the 32-byte offsets word, found {len(data)} bytes"
            )
        offsets, body = int.from_bytes(data[:32], "big"), data[32:]
        parts: dict[str, bytes] = {}
        begin = 0
        for index, name in enumerate(EXTENSION_FIELDS):
            end = offsets >> 32 * index & 0xFFFFFFFF
            if end < begin or end > len(body):
                raise InvalidInput(
                    f"extension: {name} would span bytes {begin} to {end} of {len(body)}: wrong offsets"
                )
            parts[name] = body[begin:end]
            begin = end
        return cls(custom_data=body[begin:], **parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDomainTerms:
    """What an order on our own domain says beyond its eight words: who may take it, how it is funded.

    ``route`` goes with plans whose pools do not fit the plan word; its layout is the hedger's (contracts/HEDGER.md).
    """

    private_taker: Address | None = None
    funding_plan: FundingPlan | None = None
    route: bytes = b""

    def __post_init__(self) -> None:
        if self.route and self.funding_plan is None:
            raise InvalidInput(
                f"route: expected a funding plan before it, found {len(self.route)} bytes alone"
            )
        if self.private_taker == ZERO_ADDRESS:
            raise InvalidInput("private_taker: expected an address or None, found the zero address")

    def encode(self) -> bytes:
        """Return the whole extension (zero offsets word, then custom data), empty when there are no terms."""
        data = b""
        flags = 0
        if self.private_taker is not None:
            flags |= _HAS_TAKER
            data += address_to_bytes(self.private_taker)
        if self.funding_plan is not None:
            flags |= _HAS_PLAN
            data += self.funding_plan.encode().to_bytes(32, "big") + self.route
        return Extension(custom_data=bytes((flags,)) + data).encode() if flags else b""

    @classmethod
    def decode(cls, extension: bytes) -> OwnDomainTerms:
        """Read the terms from a whole extension.

        Raises InvalidInput for fields 0-7 in use, an unknown flag, flags without terms, or a wrong length.
        """
        if not extension:
            return cls()
        decoded = Extension.decode(extension)
        used = [name for name in EXTENSION_FIELDS if getattr(decoded, name)]
        if used:
            raise InvalidInput(f"extension: {', '.join(used)} must be empty on our own domain")
        data = decoded.custom_data
        flags = data[0] if data else 0
        if flags == 0 or flags & ~(_HAS_TAKER | _HAS_PLAN):
            raise InvalidInput(f"extension: expected custom data flags of 1, 2 or 3, found {flags}")
        expected = 1 + 20 * bool(flags & _HAS_TAKER) + 32 * bool(flags & _HAS_PLAN)
        # Behind a plan stands its route, of any length.
        if len(data) != expected and (len(data) < expected or not flags & _HAS_PLAN):
            bound = "at least " if flags & _HAS_PLAN else ""
            raise InvalidInput(
                f"extension: flags {flags} need {bound}{expected} bytes of custom data, found {len(data)}"
            )
        rest = data[1:]
        taker = None
        if flags & _HAS_TAKER:
            taker, rest = address_from_bytes(rest[:20]), rest[20:]
        if not flags & _HAS_PLAN:
            return cls(private_taker=taker)
        plan = FundingPlan.decode(int.from_bytes(rest[:32], "big"))
        return cls(private_taker=taker, funding_plan=plan, route=rest[32:])


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterHookTerms:
    """What an order of ours on 1inch's domain tells ``RouterHooks``, which 1inch calls around the maker leg.

    ``pre`` and ``post`` are the payloads behind the hooks address, None where 1inch is not to call; b"" calls with
    nothing to say. Their layouts are those of contracts/RouterHooks.sol.
    """

    hooks: Address
    pre: bytes | None = None
    post: bytes | None = None

    def __post_init__(self) -> None:
        if self.hooks == ZERO_ADDRESS:
            raise InvalidInput("hooks: expected the address of RouterHooks, found the zero address")
        if self.pre is None and self.post is None:
            raise InvalidInput(
                "hooks: expected a pre or a post payload, found neither; leave the extension out"
            )

    @property
    def trait_fields(self) -> dict[str, bool]:
        """The fields of MakerTraits that go with this extension."""
        return {
            "has_extension": True,
            "pre_interaction": self.pre is not None,
            "post_interaction": self.post is not None,
        }

    def encode(self) -> bytes:
        """Return the whole extension."""
        address = address_to_bytes(self.hooks)
        return Extension(
            pre_interaction_data=b"" if self.pre is None else address + self.pre,
            post_interaction_data=b"" if self.post is None else address + self.post,
        ).encode()

    @classmethod
    def decode(cls, extension: bytes) -> RouterHookTerms:
        """Read the terms from a whole extension.

        Raises InvalidInput for another field in use, custom data, a payload without the address before it, and two
        different addresses.
        """
        decoded = Extension.decode(extension)
        used = [name for name in (*EXTENSION_FIELDS[:6], "custom_data") if getattr(decoded, name)]
        if used:
            raise InvalidInput(f"extension: {', '.join(used)} must be empty in an order of ours on 1inch")
        payloads: list[bytes | None] = []
        found: set[Address] = set()
        for name in EXTENSION_FIELDS[6:]:
            data: bytes = getattr(decoded, name)
            if data and len(data) < 20:
                raise InvalidInput(
                    f"extension: expected the 20 bytes of the hooks address in {name}, found {len(data)}"
                )
            if data:
                found.add(address_from_bytes(data[:20]))
            payloads.append(data[20:] if data else None)
        if len(found) != 1:
            shown = " and ".join(sorted(found)) or "none"
            raise InvalidInput(f"extension: expected one hooks address in both fields, found {shown}")
        return cls(hooks=found.pop(), pre=payloads[0], post=payloads[1])


def extension_low_bits(extension: bytes) -> int:
    """Return what the low 160 bits of the salt must be for a non-empty extension."""
    return int.from_bytes(keccak256(extension)[12:], "big")


def build_salt(*, epoch: int, upper: int, lower: int = 0, extension: bytes = b"") -> int:
    """Compose a salt: ``upper`` (bits 192-255, random), ``epoch`` of the signer (160-191), low 160 bits.

    The low bits come from the extension when there is one, else from ``lower``: zero makes the order cheaper to fill
    and, being plain otherwise, fit for the compact forms.
    """
    check_uint(epoch, "epoch", 32)
    check_uint(upper, "upper part of salt", 64)
    check_uint(lower, "lower part of salt", 160)
    return upper << 192 | epoch << 160 | (extension_low_bits(extension) if extension else lower)


def salt_epoch(salt: int) -> int:
    """Return the signer epoch carried by a salt of ours."""
    return salt >> 160 & 0xFFFFFFFF


def salt_matches_extension(salt: int, extension: bytes) -> bool:
    """Tell whether a salt commits to the extension; always so when there is none."""
    return not extension or salt & MASK_160 == extension_low_bits(extension)
