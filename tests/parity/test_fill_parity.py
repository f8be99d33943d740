"""Thousands of orders filled by our settlement and by 1inch's genuine contract: the same amounts, the same refusals.

Each trial is one order in three places (see `fill_pairs.py`) and is judged by exact arithmetic too, so that a fault
common to both would show. `contracts/README.md` lists the differences that are meant; those met here:

* 1inch multiplies for whole fills too and rounds up by adding the making amount: it refuses some orders whose
  amounts exceed 2^128, which we fill;
* `fillContractOrder` answers whatever our ERC-1271 refuses with `BadSignature`, and takes no ETH;
* our errors carry values and have names of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.settlement.desk import (
    ARGS_HAS_TARGET,
    MAKER_AMOUNT,
    NO_PARTIAL_FILLS,
    UNWRAP_WETH,
)
from tests.invariants import amounts
from tests.invariants.depth import depth
from tests.parity.conftest import DEAD_NONCES, PLENTY
from tests.parity.fill_pairs import Answer, Arena, Place, Trial

WORD = 1 << 256
MAX_THRESHOLD = (1 << 184) - 1
PRIVATE, EXPIRED, SIGNATURE, DEAD = "private", "expired", "signature", "dead nonce"
MAKER_LEG, TAKER_LEG, ETH = "maker leg", "taker leg", "ETH"

OUR_ERRORS: dict[str, set[str]] = {
    PRIVATE: {"PrivateOrder"},
    EXPIRED: {"OrderExpired"},
    SIGNATURE: {"UnknownSigner", "BadSignature"},
    DEAD: {"NonceDead"},
    MAKER_LEG: {"TokenCallFailed"},
    TAKER_LEG: {"TokenCallFailed"},
    ETH: {"BadMsgValue"},
    amounts.OVERFLOW: {"AmountOverflow"},
    amounts.ZERO: {"ZeroAmount"},
    amounts.PARTIAL: {"PartialFill"},
    amounts.TOO_HIGH: {"TakingAmountTooHigh"},
    amounts.TOO_LOW: {"MakingAmountTooLow"},
}
ONEINCH_ERRORS: dict[str, set[str]] = {
    PRIVATE: {"PrivateOrder"},
    EXPIRED: {"OrderExpired"},
    SIGNATURE: {"BadSignature"},
    DEAD: {"BitInvalidatedOrder"},
    MAKER_LEG: {"TransferFromMakerToTakerFailed"},
    TAKER_LEG: {"TransferFromTakerToMakerFailed"},
    ETH: {"InvalidMsgValue"},
    amounts.OVERFLOW: {"Panic"},
    # An order of nothing counts as filled, one for nothing divides by zero.
    amounts.ZERO: {"SwapWithZeroAmount", "InvalidatedOrder", "Panic"},
    amounts.PARTIAL: {"PartialFillNotAllowed"},
    amounts.TOO_HIGH: {"TakingAmountTooHigh"},
    amounts.TOO_LOW: {"MakingAmountTooLow"},
}

_usual = st.integers(1, 10**27)
_edges = st.builds(
    lambda bits, step: max(0, min(WORD - 1, (1 << bits) + step)), st.integers(0, 256), st.integers(-2, 2)
)
_amounts = _usual | st.integers(0, 60) | _edges | st.integers(0, WORD - 1)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    """An order of any magnitude; its fill at, around or far from every limit; seldom more than one other fault."""
    making, taking = draw(_amounts), draw(_amounts)
    by_making = draw(st.booleans())
    whole = making if by_making else taking
    amount = draw(
        st.just(whole)
        | st.builds(
            lambda part, step: max(0, whole * part // 16 + step), st.integers(0, 24), st.integers(-1, 1)
        )
        | _amounts
    )
    amount = min(amount, WORD - 1)
    moved = amounts.judge(making, taking, amount, by_making=by_making)
    near = moved.taking if by_making else moved.making
    threshold = draw(st.just(0) | st.integers(-1, 1).map(lambda step: near + step) | _amounts)
    terms = Trial(
        making=making,
        taking=taking,
        amount=amount,
        taker_traits=by_making * MAKER_AMOUNT | max(0, min(threshold, MAX_THRESHOLD)),
        flags=draw(st.sampled_from([0, 0, NO_PARTIAL_FILLS])),
    )
    fault = draw(st.sampled_from([*[""] * 8, *FAULTS]))
    return replace(terms, **FAULTS[fault]) if fault else terms


FAULTS: dict[str, dict[str, Any]] = {
    "expires now": {"expires_in_s": 0},
    "expired": {"expires_in_s": -1},
    "dead": {"nonce": 7},
    "other nonce": {"nonce": 101},
    "stranger": {"wrong_key": True},
    "altered": {"altered": True},
    "for another": {"sender": 1},
    "ETH for a token": {"value": 1},
}


def _threshold_of(trial: Trial) -> int:
    return trial.taker_traits & MAX_THRESHOLD


def objections(arena: Arena, trial: Trial, place: Place) -> tuple[amounts.Moved, set[str]]:
    """Both amounts, and every rule that the fill breaks in that place."""
    moved = amounts.judge(
        trial.making,
        trial.taking,
        trial.amount,
        by_making=bool(trial.taker_traits & MAKER_AMOUNT),
        threshold=_threshold_of(trial),
        no_partial=bool(trial.flags & NO_PARTIAL_FILLS),
        on_oneinch=place is not Place.OURS,
    )
    found = set(moved.broken)
    conditions = {
        PRIVATE: trial.sender not in (0, int(str(arena.harness.address), 16) & (1 << 80) - 1),
        EXPIRED: trial.expires_in_s < 0,
        SIGNATURE: trial.wrong_key or trial.altered,
        DEAD: trial.nonce in DEAD_NONCES,
        ETH: bool(trial.value) and not (trial.takes_weth and trial.value >= moved.taking),
        # The taker holds plenty of both: more would overflow its balance.
        MAKER_LEG: moved.making >= (1 << 128 if place is Place.OURS_ON_ONEINCH else PLENTY),
        TAKER_LEG: moved.taking >= PLENTY,
    }
    found |= {rule for rule, broken in conditions.items() if broken}
    return moved, found


def allowed_errors(rules: set[str], place: Place) -> set[str]:
    """What the refusal may be called, whichever broken rule the contract looks at first."""
    names = OUR_ERRORS if place is Place.OURS else ONEINCH_ERRORS
    found = {name for rule in rules for name in names[rule]}
    if place is Place.OURS_ON_ONEINCH and rules & {EXPIRED, SIGNATURE}:
        found.add("BadSignature")
    return found


def check(arena: Arena, trial: Trial, place: Place, answer: Answer) -> None:
    """One attempt against exact arithmetic."""
    moved, broken = objections(arena, trial, place)
    said = f"{place.name}: {trial}: {answer}"
    if broken:
        assert answer.error in allowed_errors(broken, place), f"broken: {broken}; {said}"
        return
    assert (answer.error, answer.making, answer.taking) == ("", moved.making, moved.taking), said
    assert moved.making * trial.taking <= moved.taking * trial.making, said
    again = "NonceDead" if place is Place.OURS else "BitInvalidatedOrder"
    assert answer.error_again == again, said


def check_together(trial: Trial, answers: dict[Place, Answer]) -> None:
    """The three attempts of one trial against each other."""
    ours, twin = answers[Place.OURS], answers[Place.TWIN]
    if not twin.error:
        assert not ours.error, f"1inch fills what we refuse: {trial}: {ours}"
    filled = {place: answer for place, answer in answers.items() if not answer.error}
    assert len({(a.making, a.taking, a.deltas) for a in filled.values()}) <= 1, f"{trial}: {answers}"


@depth(short=100, long=4_000, shrinks=False)
@given(drawn=st.lists(trials(), min_size=40, max_size=60))
def test_fill__any_order__moves_the_same_as_on_1inch(arena: Arena, drawn: list[Trial]) -> None:
    attempts = [
        (place, trial)
        for trial in drawn
        for place in Place
        if not (trial.value and place is Place.OURS_ON_ONEINCH)
    ]
    answers = arena.try_all(attempts)
    by_trial: dict[int, dict[Place, Answer]] = {}
    for (place, trial), answer in zip(attempts, answers, strict=True):
        check(arena, trial, place, answer)
        by_trial.setdefault(id(trial), {})[place] = answer
    for trial in drawn:
        check_together(trial, by_trial[id(trial)])


@depth(short=10, long=300)
@given(
    legs=st.lists(
        st.tuples(
            st.integers(1, 10**20),
            st.integers(1, 10**20),
            st.integers(-3, 3),
            st.sampled_from(["ETH for WETH", "WETH for ETH", "to another", "both"]),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_fill__ether_and_another_receiver__move_the_same_as_on_1inch(
    arena: Arena, legs: list[tuple[int, int, int, str]]
) -> None:
    target = bytes.fromhex(arena.receiver.removeprefix("0x"))
    drawn = []
    for making, taking, step, kind in legs:
        trial = Trial(making=making, taking=taking, amount=taking)
        if kind in ("ETH for WETH", "both"):
            trial = replace(trial, takes_weth=True, value=max(0, taking + step))
        if kind == "WETH for ETH":
            trial = replace(trial, makes_weth=True, taker_traits=UNWRAP_WETH)
        if kind in ("to another", "both"):
            trial = replace(trial, taker_traits=trial.taker_traits | ARGS_HAS_TARGET, args=target)
        drawn.append(trial)
    attempts = [(place, trial) for trial in drawn for place in (Place.OURS, Place.TWIN)]
    answers = arena.try_all(attempts)
    for index, trial in enumerate(drawn):
        pair = dict(zip((Place.OURS, Place.TWIN), answers[2 * index : 2 * index + 2], strict=True))
        for place, answer in pair.items():
            check(arena, trial, place, answer)
        check_together(trial, pair)
        assert bool(pair[Place.OURS].error) == bool(pair[Place.TWIN].error), f"{trial}: {pair}"


@depth(short=15, long=400)
@given(nonces=st.lists(st.integers(0, 159), min_size=20, max_size=60))
def test_fill__one_after_another__the_same_nonces_are_dead_as_on_1inch(
    arena: Arena, nonces: list[int]
) -> None:
    drawn = [Trial(making=1_000, taking=7, amount=7, nonce=nonce) for nonce in nonces]
    outcomes = {
        place: arena.try_in_sequence([(place, trial) for trial in drawn])
        for place in (Place.OURS, Place.TWIN, Place.OURS_ON_ONEINCH)
    }
    seen = set(DEAD_NONCES)
    expected = []
    for nonce in nonces:
        expected.append(nonce not in seen)
        seen.add(nonce)
    for place, found in outcomes.items():
        assert found == expected, place.name
