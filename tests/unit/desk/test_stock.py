"""What may be spent of the inventory: never what is promised, never twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.abi import encode_call
from pmm.chain.lending_commands import MOVE
from pmm.chain.sender import (
    Inclusion,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
)
from pmm.desk.stock import Stock
from pmm.domain import USDC, WETH, Address
from pmm.errors import SetupError
from pmm.venues.uniswap import SWAP_INVENTORY
from tests.helpers.quoting import MAKER
from tests.unit.desk.stock_reading import BLOCK, reading

_AMOUNT = st.integers(min_value=0, max_value=10**24)


class Promises:
    """Reservations as they are said to be."""

    def __init__(self, amounts: Mapping[Address, int], *, readable: bool = True) -> None:
        self.amounts, self.readable = amounts, readable

    def reserved(self, assets: Sequence[Address], *, block_number: int) -> dict[Address, int]:
        if not self.readable:
            raise SetupError("the journal is gone")
        return {asset: self.amounts.get(asset, 0) for asset in assets}

    def close(self) -> None:
        """Nothing is open."""


def swap(amount: int, token: Address = WETH.address, to: Address = MAKER) -> tuple[Address, bytes]:
    return to, encode_call(SWAP_INVENTORY, token, USDC.address, amount, 1, 0, b"")


def move(amount: int, token: Address = WETH.address) -> tuple[Address, bytes]:
    return MAKER, encode_call(MOVE, token, amount)


def record(
    call: tuple[Address, bytes], state: TransactionState, *, mined_in: int | None = None
) -> TransactionRecord:
    return TransactionRecord(
        intent=TransactionIntent(key="k", purpose="p", to=call[0], data=call[1]),
        chain_id=1,
        sender=MAKER,
        nonce=0,
        attempts=(),
        state=state,
        inclusion=None
        if mined_in is None
        else Inclusion(
            transaction_hash="0x1",
            block_number=mined_in,
            block_hash="0x2",
            succeeded=True,
            gas_used=1,
            gas_price_wei=1,
        ),
    )


@given(
    held=_AMOUNT,
    promised=_AMOUNT,
    leaving=st.lists(_AMOUNT, max_size=3),
    wanted=st.lists(st.tuples(st.sampled_from((swap, move)), _AMOUNT), max_size=6),
)
def test_stock__whatever_is_asked_of_it__what_is_promised_and_under_way_stays(
    held: int, promised: int, leaving: list[int], wanted: list[tuple[object, int]]
) -> None:
    stock = Stock(MAKER, Promises({WETH.address: promised}))
    stock.look(reading(weth=held), [record(swap(one), TransactionState.PENDING) for one in leaving])
    sent = 0
    for call, amount in wanted:
        spent = stock.spent_by(*call(amount))  # type: ignore[operator]
        assert spent == (WETH.address, amount)
        if stock.take(*spent):
            sent += amount
    if sent:
        assert held - sum(leaving) - sent >= promised
    assert stock.taken[WETH.address] == held - stock.free(WETH.address)


@pytest.mark.parametrize(
    ("state", "mined_in", "free"),
    [
        (TransactionState.RECORDED, None, 3),
        (TransactionState.PENDING, None, 3),
        (TransactionState.UNKNOWN, None, 3),
        # Its block is behind the balances, or not.
        (TransactionState.MINED, BLOCK + 1, 3),
        (TransactionState.MINED, BLOCK, 10),
        (TransactionState.CANCELLED, None, 10),
    ],
)
def test_look__transaction_of_the_operator__counts_until_the_balances_show_it(
    state: TransactionState, mined_in: int | None, free: int
) -> None:
    stock = Stock(MAKER, None)
    stock.look(reading(weth=10), [record(swap(7), state, mined_in=mined_in)])
    assert stock.free(WETH.address) == free


def test_look__journal_cannot_be_read__nothing_may_be_spent_until_it_can() -> None:
    promises = Promises({WETH.address: 4}, readable=False)
    stock = Stock(MAKER, promises)
    assert not stock.take(WETH.address, 1)
    stock.look(reading(weth=10, usdc=5), [])
    assert (stock.taken, stock.spare({WETH.address: 10})) == (
        {WETH.address: 10, USDC.address: 5},
        {WETH.address: 0},
    )
    assert not stock.take(WETH.address, 1)
    assert "the journal is gone" in stock.trouble
    promises.readable = True
    stock.look(reading(weth=10), [])
    assert (stock.free(WETH.address), stock.trouble) == (6, "")


def test_spent_by__other_calls_and_contracts__take_nothing() -> None:
    stock = Stock(MAKER, None)
    assert stock.spent_by(*swap(7, to=USDC.address)) is None
    assert stock.spent_by(MAKER, b"") is None
    assert stock.spent_by(MAKER, encode_call("setOperator(address)", MAKER)) is None
