from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from pmm.domain import MakerTraits, allowed_sender_of, parse_address
from pmm.domain.maker_traits import MAKER_FLAGS
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import uint256


@given(uint256)
def test_decode__any_word__encodes_back(word: int) -> None:
    assert MakerTraits.decode(word).encode() == word


@pytest.mark.parametrize(("name", "field", "bit"), MAKER_FLAGS)
def test_decode__single_flag__sets_that_field_only(name: str, field: str, bit: int) -> None:
    assert MakerTraits.decode(1 << bit) == MakerTraits(**{field: True})
    assert MakerTraits.decode(1 << bit).flag_names() == [name]


@pytest.mark.parametrize(
    ("field", "low", "bits"),
    [("decay_cap_tenth_bps", 234, 13), ("decay_slope_centi_bps_s", 220, 14), ("decay_start_s", 208, 12),
     ("min_fill_255ths", 200, 8), ("series", 160, 40), ("nonce_or_epoch", 120, 40), ("expiration_s", 80, 40),
     ("allowed_sender", 0, 80)],
)  # fmt: skip
def test_encode__full_field__fills_its_bits_and_no_more(field: str, low: int, bits: int) -> None:
    full = (1 << bits) - 1
    values: dict[str, Any] = {field: full}
    assert MakerTraits(**values).encode() == full << low
    with pytest.raises(InvalidInput, match=f"{field}: expected at most {bits} bits"):
        MakerTraits(**{**values, field: full + 1})


def test_decode__word_of_the_go_sdk_test__is_read() -> None:
    # 1inch/1inch-sdk-go, makerTraits_test.go
    traits = MakerTraits.decode(0x4A0000000000000000000000000000000000663BE5DB00000000000000000000)
    assert traits == MakerTraits(
        allow_multiple_fills=True, post_interaction=True, has_extension=True, expiration_s=1_715_201_499
    )


@pytest.mark.parametrize(("nonce", "word", "bit"), [(0, 0, 0), (255, 0, 255), (256, 1, 0), (257, 1, 1)])
def test_nonce_word__around_a_word_boundary__splits_at_256(nonce: int, word: int, bit: int) -> None:
    traits = MakerTraits(nonce_or_epoch=nonce)
    assert (traits.nonce_word, traits.nonce_bit) == (word, bit)


@pytest.mark.parametrize(("now_s", "expired"), [(999, False), (1000, False), (1001, True)])
def test_is_expired__around_the_second__last_second_still_fills(now_s: int, expired: bool) -> None:
    assert MakerTraits(expiration_s=1000).is_expired(now_s) is expired


def test_is_expired__no_expiry__never() -> None:
    assert not MakerTraits().is_expired(2**60)


@pytest.mark.parametrize(
    ("no_partial", "multiple", "expected"),
    [(False, False, True), (True, False, True), (True, True, True), (False, True, False)],
)
def test_use_bit_invalidator__by_flags__as_the_contract(
    no_partial: bool, multiple: bool, expected: bool
) -> None:
    traits = MakerTraits(no_partial_fills=no_partial, allow_multiple_fills=multiple)
    assert traits.use_bit_invalidator is expected


def test_allows_sender__private_order__compares_the_last_ten_bytes() -> None:
    taker = parse_address("0x00000000219ab540356cbb839cbe05303d7705fa")
    traits = MakerTraits(allowed_sender=allowed_sender_of(taker))
    assert traits.allows_sender(taker)
    assert not traits.allows_sender(parse_address("0x" + "11" * 20))
    assert MakerTraits().allows_sender(parse_address("0x" + "11" * 20))


def test_for_quote__lane_and_nonce__fills_once_and_expires() -> None:
    traits = MakerTraits.for_quote(lane=63, nonce=7, expiration_s=1000)
    assert (traits.lane, traits.nonce, traits.expiration_s) == (63, 7, 1000)
    assert traits.use_bit_invalidator
    assert traits.flag_names() == []


@pytest.mark.parametrize(("lane", "expiration_s"), [(64, 1000), (-1, 1000), (0, 0)])
def test_for_quote__lane_out_of_range_or_no_expiry__raises(lane: int, expiration_s: int) -> None:
    with pytest.raises(InvalidInput):
        MakerTraits.for_quote(lane=lane, nonce=0, expiration_s=expiration_s)
