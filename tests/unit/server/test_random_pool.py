"""Random bits by the page: every byte once, ids in order of time."""

import os
from collections import Counter

import pytest

from pmm.server.random_pool import RandomPool


class _Counting:
    """Gives out 0, 1, 2, ... as two-byte words, and remembers how often it was asked."""

    def __init__(self) -> None:
        self.next = 0
        self.asked: list[int] = []

    def __call__(self, count: int) -> bytes:
        self.asked.append(count)
        words = range(self.next, self.next + count // 2)
        self.next += count // 2
        return b"".join(word.to_bytes(2, "big") for word in words)


def test_take__many_times__gives_no_byte_twice_and_asks_rarely() -> None:
    source = _Counting()
    pool = RandomPool(source)
    words = [int.from_bytes(pool.take(2), "big") for _ in range(5_000)]
    assert words == list(range(5_000))
    assert len(source.asked) == 3


@pytest.mark.parametrize("size", [3, 10, 4_095, 4_096, 10_000])
def test_take__any_size__has_that_size_and_repeats_nothing(size: int) -> None:
    pool = RandomPool()
    taken = [pool.take(size) for _ in range(50)]
    assert {len(piece) for piece in taken} == {size}
    assert len(set(taken)) == 50


@pytest.mark.parametrize("count", [1, 7, 8, 39, 63, 64])
def test_bits__any_count__fill_the_whole_range(count: int) -> None:
    pool = RandomPool()
    found = [pool.bits(count) for _ in range(400)]
    assert all(0 <= value < 1 << count for value in found)
    assert any(value >> (count - 1) for value in found)
    assert not all(value & 1 for value in found)


def test_timed_id__later__sorts_behind_and_has_32_digits() -> None:
    pool = RandomPool()
    ids = [pool.timed_id(1_700_000_000_000 + step) for step in range(300)]
    assert ids == sorted(ids)
    assert {len(name) for name in ids} == {32}
    assert max(Counter(name[12:] for name in ids).values()) == 1


def test_take__after_a_fork__gives_the_child_bytes_of_its_own() -> None:
    pool = RandomPool()
    pool.take(16)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, pool.take(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != pool.take(16)
