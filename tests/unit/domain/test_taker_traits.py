from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import Address, FillArgs, TakerTraits
from pmm.domain.taker_traits import TAKER_FLAGS
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import addresses, uint256


@given(uint256)
def test_decode__any_word__encodes_back(word: int) -> None:
    assert TakerTraits.decode(word).encode() == word


@pytest.mark.parametrize(("name", "field", "bit"), TAKER_FLAGS)
def test_decode__single_flag__sets_that_field_only(name: str, field: str, bit: int) -> None:
    assert TakerTraits.decode(1 << bit) == TakerTraits(**{field: True})
    assert TakerTraits.decode(1 << bit).flag_names() == [name]


@pytest.mark.parametrize(
    ("field", "low", "bits"),
    [("extension_length", 224, 24), ("interaction_length", 200, 24), ("threshold", 0, 184)],
)
def test_encode__full_field__fills_its_bits_and_no_more(field: str, low: int, bits: int) -> None:
    full = (1 << bits) - 1
    values: dict[str, Any] = {field: full}
    assert TakerTraits(**values).encode() == full << low
    with pytest.raises(InvalidInput, match=field):
        TakerTraits(**{**values, field: full + 1})


def test_traits__threshold_of_2_184__raises_because_the_contract_would_not_check_it() -> None:
    assert TakerTraits(threshold=2**184 - 1).threshold == 2**184 - 1
    with pytest.raises(InvalidInput, match=r"threshold: expected less than 2\^184"):
        TakerTraits(threshold=2**184)


def test_traits__unused_bits_in_a_used_place__raises() -> None:
    with pytest.raises(InvalidInput, match="bits 184-199 and 248-250"):
        TakerTraits(unused_bits=1)


@given(st.none() | addresses, st.binary(max_size=100), st.binary(max_size=100))
def test_fill_args__encode__decodes_back(
    target: Address | None, extension: bytes, interaction: bytes
) -> None:
    args = FillArgs(target=target, extension=extension, interaction=interaction)
    traits, data = args.encode(TakerTraits(threshold=5, maker_amount=True))
    assert traits.threshold == 5
    assert traits.maker_amount
    assert FillArgs.decode(traits, data) == args


def test_fill_args__shorter_than_described__raises() -> None:
    with pytest.raises(InvalidInput, match="describe 25 bytes, found 24"):
        FillArgs.decode(TakerTraits(args_has_target=True, extension_length=5), bytes(24))
