"""Live quotes found by what changed must be those that looking at every one finds."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, ZERO_ADDRESS
from pmm.execution import LaneState, NonceKey, NonceWords, Settlement
from pmm.execution.live_index import LiveIndex

_KEYS = st.builds(
    NonceKey,
    settlement=st.sampled_from(Settlement),
    signer=st.sampled_from((ZERO_ADDRESS, WETH.address, USDC.address)),
    lane=st.integers(0, 2),
    nonce=st.integers(0, 1_000) | st.integers(0, 2**40 - 1),
)


@given(st.lists(_KEYS, unique=True, max_size=60), st.lists(_KEYS, max_size=5))
def test_nonce_words__any_nonces__are_the_same_set(keys: list[NonceKey], others: list[NonceKey]) -> None:
    words = NonceWords.of(keys)
    assert set(words) == set(keys)
    assert (len(words), bool(words)) == (len(keys), bool(keys))
    assert all(key in words for key in keys)
    assert all((key in words) == (key in keys) for key in others)
    assert NonceWords.of(words) is words


@given(
    base=st.integers(0, 1_200) | st.integers(0, 2**32 - 1),
    window=st.integers(0, 2**160 - 1),
    index=st.integers(0, 5),
    ahead=st.integers(-2, 2),
)
def test_dead_bits__any_lane_word__are_what_is_dead_says(
    base: int, window: int, index: int, ahead: int
) -> None:
    lane = LaneState(
        lane=0, authorised=True, paused=False, epoch=0, base=base, window=window, max_expiry_s=60
    )
    for word in {index, max((base >> 8) + ahead, 0)}:
        dead = lane.dead_bits(word)
        assert dead < 1 << 256
        assert [dead >> bit & 1 for bit in range(256)] == [
            lane.is_dead((word << 8) + bit) for bit in range(256)
        ]


def test_live_index__thousands_of_random_steps__finds_what_a_search_finds() -> None:
    chance = random.Random(7)
    index, live, clock = LiveIndex(), dict[bytes, tuple[NonceKey, int]](), 1_000
    for step in range(4_000):
        clock += chance.choice((0, 0, 1, 3, -2))
        if chance.random() < 0.6:
            key = NonceKey(settlement=Settlement.PMM, signer=WETH.address, lane=step % 3, nonce=step)
            name, expiry = step.to_bytes(32, "big"), clock + chance.randrange(-3, 30)
            index.add(name, key, expiry)
            live[name] = key, expiry
        elif live and chance.random() < 0.7:
            name = chance.choice(list(live))
            index.remove(name)
            index.remove(name)
            del live[name]
        spent = {key for key, _ in live.values() if chance.random() < 0.05}
        assert set(index.dead(spent)) == {name for name, (key, _) in live.items() if key in spent}
        found = index.take_expired(clock)
        assert sorted(found) == sorted(name for name, (_, expiry) in live.items() if expiry < clock)
        for name in found:
            if chance.random() < 0.5:
                # As when a reorganisation takes the clock back.
                index.give_back(name)
            index.remove(name)
            del live[name]
        assert set(index.nonces()) == {key for key, _ in live.values()}


def test_give_back__expired_quote__is_found_again() -> None:
    index = LiveIndex()
    key = NonceKey(settlement=Settlement.PMM, signer=WETH.address, lane=0, nonce=1)
    index.add(b"a", key, 10)
    assert index.take_expired(10) == []
    assert index.take_expired(11) == [b"a"]
    assert index.take_expired(11) == []
    index.give_back(b"a")
    assert index.take_expired(11) == [b"a"]
