"""One call per key, whoever waits for it."""

import asyncio

import pytest

from pmm.execution.answers import AnswerMemory

_KEY = ("1inch", "k")


def test_once__kept_answer__is_given_until_it_is_forgotten() -> None:
    async def run() -> None:
        memory: AnswerMemory[int] = AnswerMemory()
        calls: list[int] = []

        async def make() -> int:
            calls.append(1)
            return len(calls)

        def hash_of(answer: int) -> bytes:
            return bytes([answer])

        assert [await memory.once(_KEY, b"b", make, hash_of) for _ in range(3)] == [1, 1, 1]
        assert memory.is_other(_KEY, b"c")
        assert not memory.is_other(_KEY, b"b")
        memory.forget(b"\x07")
        memory.forget(b"\x01")
        assert len(memory) == 0
        assert await memory.once(_KEY, b"c", make, hash_of) == 2

    asyncio.run(run())


def test_once__call_fails__everybody_hears_it_and_the_key_is_free() -> None:
    async def run() -> None:
        memory: AnswerMemory[int] = AnswerMemory()

        async def make() -> int:
            await asyncio.sleep(0)
            raise OSError("broken")

        asked = (memory.once(_KEY, b"b", make, lambda answer: None) for _ in range(3))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in found] == [OSError] * 3
        assert len(memory) == 0

    asyncio.run(run())


def test_once__answer_without_a_quote__is_forgotten_at_once() -> None:
    async def run() -> None:
        memory: AnswerMemory[int] = AnswerMemory()

        async def make() -> int:
            return 1

        assert await memory.once(_KEY, b"b", make, lambda answer: None) == 1
        assert len(memory) == 0

    asyncio.run(run())


def test_once__caller_goes_away__the_call_goes_on() -> None:
    async def run() -> None:
        memory: AnswerMemory[int] = AnswerMemory()
        go_on = asyncio.Event()

        async def make() -> int:
            await go_on.wait()
            return 5

        caller = asyncio.ensure_future(memory.once(_KEY, b"b", make, lambda answer: b"\x05"))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        go_on.set()
        assert await memory.once(_KEY, b"b", make, lambda answer: b"\x05") == 5

    asyncio.run(run())
