"""The order we sign: the eight words of a 1inch Limit Order Protocol v4 ``Order``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pmm.domain.maker_traits import MASK_80, MakerTraits, expiration_of
from pmm.domain.tokens import ZERO_ADDRESS, Address, parse_address
from pmm.domain.value_class import set_field, value_class
from pmm.domain.words import check_uint, parse_uint, word_hex
from pmm.errors import InvalidInput

# Order of the words in the struct; the names are 1inch's.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("salt", "salt", "uint256"),
    ("maker", "maker", "address"),
    ("receiver", "receiver", "address"),
    ("makerAsset", "maker_asset", "address"),
    ("takerAsset", "taker_asset", "address"),
    ("makingAmount", "making_amount", "uint256"),
    ("takingAmount", "taking_amount", "uint256"),
    ("makerTraits", "maker_traits", "uint256"),
)


@lru_cache(maxsize=1_024)
def _word(address: Address) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def _check_nonzero(address: Address, name: str) -> Address:
    if address == ZERO_ADDRESS:
        raise InvalidInput(f"{name}: expected an address, found the zero address")
    return address


@value_class(frozen=True, slots=True, kw_only=True)
class RfqOrder:
    """An order: ``maker`` gives ``making_amount`` of one asset for ``taking_amount`` of the other.

    Amounts are base units of their asset, both at least 1. A zero ``receiver`` means the maker. Addresses are
    normalised to their checksummed form. Raises InvalidInput naming the field that is out of range.
    """

    salt: int
    maker: Address
    receiver: Address = ZERO_ADDRESS
    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int
    maker_traits: int

    def __post_init__(self) -> None:
        check_uint(self.salt, "salt")
        check_uint(self.maker_traits, "makerTraits")
        if check_uint(self.making_amount, "makingAmount") == 0:
            raise InvalidInput("makingAmount: expected at least 1 base unit, found 0")
        if check_uint(self.taking_amount, "takingAmount") == 0:
            raise InvalidInput("takingAmount: expected at least 1 base unit, found 0")
        put = set_field
        put(self, "maker", _check_nonzero(parse_address(self.maker, "maker"), "maker"))
        put(self, "receiver", parse_address(self.receiver, "receiver"))
        put(self, "maker_asset", _check_nonzero(parse_address(self.maker_asset, "makerAsset"), "makerAsset"))
        put(self, "taker_asset", _check_nonzero(parse_address(self.taker_asset, "takerAsset"), "takerAsset"))

    @property
    def traits(self) -> MakerTraits:
        """The maker traits, decoded."""
        return MakerTraits.decode(self.maker_traits)

    @property
    def expiration_s(self) -> int:
        """When it expires, unix seconds, 0 for never; of the traits, without decoding the rest."""
        return expiration_of(self.maker_traits)

    @property
    def allowed_sender(self) -> int:
        """The last 80 bits of the taker's address, 0 for anybody; of the traits, without decoding the rest."""
        return self.maker_traits & MASK_80

    def encode(self) -> bytes:
        """Return the 256 bytes of the ABI encoding."""
        return b"".join(
            (
                self.salt.to_bytes(32, "big"),
                _word(self.maker),
                _word(self.receiver),
                _word(self.maker_asset),
                _word(self.taker_asset),
                self.making_amount.to_bytes(32, "big"),
                self.taking_amount.to_bytes(32, "big"),
                self.maker_traits.to_bytes(32, "big"),
            )
        )

    def to_dict(self) -> dict[str, str]:
        """Return 1inch's JSON form: camelCase names, decimal strings, traits as 0x hex."""
        return {
            "salt": str(self.salt),
            "maker": self.maker,
            "receiver": self.receiver,
            "makerAsset": self.maker_asset,
            "takerAsset": self.taker_asset,
            "makingAmount": str(self.making_amount),
            "takingAmount": str(self.taking_amount),
            "makerTraits": word_hex(self.maker_traits),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> RfqOrder:
        """Read 1inch's JSON form; numbers as decimal strings or 0x hex, ``receiver`` may be absent.

        Other keys are ignored. Raises InvalidInput naming every missing field, or the first wrong one.
        """
        missing = [name for name, _, _ in FIELDS if name not in record and name != "receiver"]
        if missing:
            raise InvalidInput(f"order: missing {', '.join(missing)}")
        values: dict[str, object] = {
            "receiver": parse_address(record.get("receiver", ZERO_ADDRESS), "receiver")
        }
        for name, field, kind in FIELDS:
            if kind == "uint256":
                values[field] = parse_uint(record[name], name)
            elif name != "receiver":
                values[field] = parse_address(record[name], name)
        return cls(**values)  # type: ignore[arg-type]
