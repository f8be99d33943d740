"""Rotation of the signer: nothing moves before the chain proves it, and the overlap ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import Address
from pmm.errors import InvalidInput
from pmm.signers.rotation import RotationFacts, RotationState, SignerRotation

_OLD, _NEW = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
_TTL_S, _DEPTH = 30, 3


def _rotation(**changes: Any) -> SignerRotation:
    base = SignerRotation(old=_OLD, new=_NEW, ttl_s=_TTL_S, confirmations=_DEPTH, began_at_s=1_000)
    return replace(base, **changes)


def _facts(
    block: int, *, authorised: bool = True, open_old: int = 0, time_s: int | None = None
) -> RotationFacts:
    return RotationFacts(
        block=block,
        chain_time_s=1_000 + 12 * block if time_s is None else time_s,
        new_authorised=authorised,
        open_old=open_old,
    )


def test_rotation__whole_way__switches_and_retires() -> None:
    rotation = _rotation().seen(_facts(1, authorised=False))
    assert (rotation.state, rotation.signer) == (RotationState.WAITING, _OLD)
    for block in range(2, 5):
        rotation = rotation.seen(_facts(block))
        assert rotation.state is RotationState.WAITING
    rotation = rotation.seen(_facts(5))
    assert (rotation.state, rotation.signer) == (RotationState.OVERLAP, _OLD)
    rotation = rotation.switch(_facts(6))
    assert (rotation.state, rotation.signer) == (RotationState.SWITCHED, _NEW)
    # Block 6 was at 1072 s: the last order of the old signer expires at 1102 s, block 8 is at 1096 s.
    for block in (7, 8, 9, 10, 11):
        rotation = rotation.seen(_facts(block))
        assert rotation.state is RotationState.SWITCHED
    assert rotation.seen(_facts(12)).state is RotationState.RETIRED


def test_rotation__same_signer__is_refused() -> None:
    with pytest.raises(InvalidInput, match="another signer"):
        _rotation(new=_OLD)


@pytest.mark.parametrize(
    "state", [s for s in RotationState if s not in (RotationState.WAITING, RotationState.OVERLAP)]
)
def test_switch__wrong_state__is_refused(state: RotationState) -> None:
    with pytest.raises(InvalidInput, match="both signers valid"):
        _rotation(state=state, switched_at_s=1_000).switch(_facts(100))


def test_switch__before_the_depth__is_refused() -> None:
    with pytest.raises(InvalidInput, match="waiting"):
        _rotation(authorised_at_block=5).switch(_facts(7))


def test_rotation__authorisation_lost__starts_again_or_is_abandoned() -> None:
    rotation = _rotation().seen(_facts(1)).seen(_facts(2, authorised=False)).seen(_facts(3))
    assert rotation.authorised_at_block == 3
    overlap = _rotation(state=RotationState.OVERLAP, authorised_at_block=1)
    assert overlap.seen(_facts(9, authorised=False)).state is RotationState.ABANDONED


def test_rotation__never_authorised__is_abandoned_in_time() -> None:
    late = _facts(9, authorised=False, time_s=1_000 + 86_401)
    assert _rotation().seen(late).state is RotationState.ABANDONED


def test_rotation__old_quote_still_open__does_not_retire() -> None:
    rotation = _rotation(state=RotationState.SWITCHED, switched_at_s=1_000)
    for block in range(10, 50):
        rotation = rotation.seen(_facts(block, open_old=1))
    assert rotation.state is RotationState.SWITCHED


def test_abandon__after_the_switch__is_refused() -> None:
    assert _rotation().abandon().state is RotationState.ABANDONED
    with pytest.raises(InvalidInput, match="before the switch"):
        _rotation(state=RotationState.SWITCHED, switched_at_s=1).abandon()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(-2, 6), st.booleans()), max_size=60))
def test_rotation__any_chain__keeps_an_order_fillable_and_the_overlap_bounded(
    steps: list[tuple[bool, int, int, bool]],
) -> None:
    """Blocks may go back (reorganisations). The old signer is retired only when no order of it can be open."""
    rotation, block = _rotation(), 1
    switched_at_s: int | None = None
    quiet_since: int | None = None
    for authorised, open_old, forward, try_switch in steps:
        block = max(block + forward, 0)
        facts = _facts(block, authorised=authorised, open_old=open_old)
        before = rotation
        rotation = rotation.seen(facts)
        if try_switch and rotation.state is RotationState.OVERLAP:
            assert authorised
            rotation = rotation.switch(facts)
            switched_at_s = facts.chain_time_s
            continue
        if before.state is RotationState.SWITCHED:
            assert switched_at_s is not None
            quiet = open_old == 0 and facts.chain_time_s > switched_at_s + _TTL_S
            quiet_since = (block if quiet_since is None else min(quiet_since, block)) if quiet else None
            deep = quiet_since is not None and block - quiet_since >= _DEPTH
            assert (rotation.state is RotationState.RETIRED) == deep
        if before.is_over:
            assert rotation == before
        assert rotation.signer == (
            _NEW if rotation.state in (RotationState.SWITCHED, RotationState.RETIRED) else _OLD
        )
