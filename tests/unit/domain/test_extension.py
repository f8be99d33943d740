from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    Address,
    Extension,
    FundingPlan,
    FundingSource,
    OwnDomainTerms,
    RouterHookTerms,
    build_salt,
    extension_low_bits,
    keccak256,
    parse_address,
    salt_epoch,
    salt_matches_extension,
)
from pmm.domain.extension import EXTENSION_FIELDS
from pmm.errors import InvalidInput

TAKER = parse_address("0x00000000219ab540356cbb839cbe05303d7705fa")
PLAN = FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=500, min_profit=12_345)

extensions = st.builds(
    Extension,
    custom_data=st.binary(max_size=40),
    **{name: st.binary(max_size=40) for name in EXTENSION_FIELDS},
)


@given(extensions)
def test_decode__any_extension__encodes_back(extension: Extension) -> None:
    assert Extension.decode(extension.encode()) == extension


def test_encode__all_empty__is_no_extension() -> None:
    assert Extension().encode() == b""
    assert Extension.decode(b"") == Extension()


def test_encode__single_byte_fields__offsets_grow_from_the_lowest_32_bits() -> None:
    # 1inch/1inch-sdk-go, extension_test.go: eight one-byte fields and a one-byte custom data
    fields = {name: bytes((index + 1,)) for index, name in enumerate(EXTENSION_FIELDS)}
    encoded = Extension(custom_data=b"\xff", **fields).encode()
    assert encoded.hex() == (
        "0000000800000007000000060000000500000004000000030000000200000001" "0102030405060708" "ff"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(31), "at least the 32-byte offsets word"),
        ((1).to_bytes(32, "big"), "maker_asset_suffix would span bytes 0 to 1 of 0"),
        ((2 | 1 << 32).to_bytes(32, "big") + bytes(2), "taker_asset_suffix would span bytes 2 to 1"),
        ((0xFFFFFFFF << 224).to_bytes(32, "big") + bytes(9), "post_interaction_data"),
    ],
)
def test_decode__offsets_cut_backwards_or_past_the_end__raises(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Extension.decode(data)


@pytest.mark.parametrize("taker", [None, TAKER])
@pytest.mark.parametrize("plan", [None, PLAN])
def test_own_domain_terms__encode__decodes_back(taker: Address | None, plan: FundingPlan | None) -> None:
    terms = OwnDomainTerms(private_taker=taker, funding_plan=plan)
    encoded = terms.encode()
    assert OwnDomainTerms.decode(encoded) == terms
    expected = 0 if terms == OwnDomainTerms() else 32 + 1 + 20 * (taker is not None) + 32 * (plan is not None)
    assert len(encoded) == expected


@given(st.binary(max_size=120), st.sampled_from([None, TAKER]))
def test_own_domain_terms__route_behind_the_plan__decodes_back(route: bytes, taker: Address | None) -> None:
    terms = OwnDomainTerms(private_taker=taker, funding_plan=PLAN, route=route)
    encoded = terms.encode()
    assert OwnDomainTerms.decode(encoded) == terms
    assert encoded.endswith(PLAN.encode().to_bytes(32, "big") + route)


def test_own_domain_terms__route_without_a_plan__raises() -> None:
    with pytest.raises(InvalidInput, match="route: expected a funding plan before it, found 1 bytes"):
        OwnDomainTerms(private_taker=TAKER, route=b"x")


payloads = st.none() | st.binary(max_size=80)


@given(payloads, payloads)
def test_router_hook_terms__any_payloads__decode_back(pre: bytes | None, post: bytes | None) -> None:
    if pre is None and post is None:
        return
    terms = RouterHookTerms(hooks=TAKER, pre=pre, post=post)
    assert RouterHookTerms.decode(terms.encode()) == terms
    assert terms.trait_fields == {
        "has_extension": True, "pre_interaction": pre is not None, "post_interaction": post is not None
    }  # fmt: skip


def test_router_hook_terms__payloads__stand_behind_the_address_in_fields_6_and_7() -> None:
    encoded = RouterHookTerms(hooks=TAKER, pre=b"\x01\x02", post=b"\x03").encode()
    address = bytes.fromhex(TAKER[2:])
    assert encoded == (22 << 192 | 43 << 224).to_bytes(32, "big") + address + b"\x01\x02" + address + b"\x03"
    fields = Extension.decode(encoded)
    assert (fields.pre_interaction_data, fields.post_interaction_data) == (
        address + b"\x01\x02", address + b"\x03"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        (Extension(), "expected one hooks address in both fields, found none"),
        (Extension(predicate=b"x", pre_interaction_data=bytes(19) + b"x"), "predicate must be empty"),
        (Extension(custom_data=b"x", pre_interaction_data=bytes(19) + b"x"), "custom_data must be empty"),
        (Extension(pre_interaction_data=bytes(19)), "20 bytes of the hooks address in pre_.*, found 19"),
        (
            Extension(pre_interaction_data=b"\1" * 20, post_interaction_data=b"\2" * 20),
            "one hooks address in both fields, found 0x0101.* and 0x0202",
        ),
        (Extension(pre_interaction_data=bytes(20)), "found the zero address"),
    ],
)
def test_router_hook_terms__malformed__raises(extension: Extension, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        RouterHookTerms.decode(extension.encode())


def test_router_hook_terms__neither_payload__raises() -> None:
    with pytest.raises(InvalidInput, match="a pre or a post payload, found neither"):
        RouterHookTerms(hooks=TAKER)


def test_own_domain_terms__taker_and_plan__are_laid_out_as_specified() -> None:
    encoded = OwnDomainTerms(private_taker=TAKER, funding_plan=PLAN).encode()
    assert encoded == bytes(32) + b"\x03" + bytes.fromhex(TAKER[2:]) + PLAN.encode().to_bytes(32, "big")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(33), "flags of 1, 2 or 3, found 0"),
        (bytes(32), "flags of 1, 2 or 3, found 0"),
        (bytes(32) + b"\x04", "flags of 1, 2 or 3, found 4"),
        (bytes(32) + b"\x01" + bytes(19), "need 21 bytes of custom data, found 20"),
        (bytes(32) + b"\x01" + bytes(21), "need 21 bytes of custom data, found 22"),
        (bytes(32) + b"\x01" + bytes(20), "zero address"),
        (bytes(32) + b"\x02" + bytes(31), "need at least 33 bytes of custom data, found 32"),
        (bytes(32) + b"\x02" + bytes(32), "source of 1 to 9 and a leg of 0 to 4, found 0 and 0"),
        (Extension(predicate=b"\x09").encode(), "predicate must be empty"),
    ],
)
def test_own_domain_terms__malformed__raises(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        OwnDomainTerms.decode(data)


def test_build_salt__with_extension__commits_to_it_and_carries_the_epoch() -> None:
    extension = OwnDomainTerms(private_taker=TAKER).encode()
    salt = build_salt(epoch=0xDEADBEEF, upper=0x0123456789ABCDEF, lower=5, extension=extension)
    assert salt_epoch(salt) == 0xDEADBEEF
    assert salt >> 192 == 0x0123456789ABCDEF
    assert salt % 2**160 == int(keccak256(extension).hex()[-40:], 16) == extension_low_bits(extension)
    assert salt_matches_extension(salt, extension)
    assert not salt_matches_extension(salt ^ 1, extension)
    assert not salt_matches_extension(salt, extension + b"\0")


def test_build_salt__without_extension__keeps_the_lower_part() -> None:
    assert build_salt(epoch=1, upper=2, lower=3) == 2 << 192 | 1 << 160 | 3
    assert salt_matches_extension(3, b"")


@pytest.mark.parametrize(
    ("epoch", "upper", "lower"), [(2**32, 0, 0), (0, 2**64, 0), (0, 0, 2**160), (-1, 0, 0)]
)
def test_build_salt__part_too_large__raises(epoch: int, upper: int, lower: int) -> None:
    with pytest.raises(InvalidInput):
        build_salt(epoch=epoch, upper=upper, lower=lower)
