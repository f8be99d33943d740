"""A reservation ends by what the chain says, deep enough, and by nothing else."""

from dataclasses import replace

import pytest

from pmm.domain import USDC, WETH, Address, address_from_bytes, allowed_sender_of
from pmm.errors import InvariantViolated
from pmm.execution import ChainView, LiveQuote, OutcomeKind, ReservationBook, Settlement
from pmm.execution.nonces import router_nonce
from tests.helpers.quoting import CHAIN_TIME_S, TAKER, chain_view, market


def _quote(
    number: int = 1, *, expiration_s: int = CHAIN_TIME_S + 30, amount: int = 500, taker: Address = TAKER
) -> LiveQuote:
    return LiveQuote(
        order_hash=number.to_bytes(32, "big"),
        settlement=Settlement.ONEINCH,
        signer=TAKER,
        nonce=router_nonce(number),
        expiration_s=expiration_s,
        maker_asset=USDC.address,
        taker_asset=WETH.address,
        reserved_amount=amount,
        usd_wad=amount * 10**12,
        allowed_sender=allowed_sender_of(taker),
    )


def _view(block: int = 100, *, clock_s: int = CHAIN_TIME_S, spent: tuple[int, ...] = ()) -> ChainView:
    return chain_view(
        replace(market(), block_number=block),
        expiry_clock_s=clock_s,
        spent=frozenset(router_nonce(number) for number in spent),
    )


def test_add__two_quotes__sums_what_they_promise() -> None:
    book = ReservationBook(confirmations=0)
    book.add(_quote(1, amount=300))
    book.add(_quote(2, amount=200))
    assert book.reserved(USDC.address) == 500
    assert book.open_quotes(TAKER).count == 2
    assert book.open_quotes(TAKER).usd_wad == 500 * 10**12


def test_add__same_order_twice__raises() -> None:
    book = ReservationBook(confirmations=0)
    book.add(_quote())
    with pytest.raises(InvariantViolated, match="reserved already"):
        book.add(_quote())


def test_end_by__nothing_happened__keeps_everything() -> None:
    book = ReservationBook(confirmations=0)
    book.add(_quote())
    assert book.end_by(_view()) == ()
    assert book.reserved(USDC.address) == 500


def test_end_by__the_expiry_second_itself__still_fills() -> None:
    book = ReservationBook(confirmations=0)
    book.add(_quote(expiration_s=CHAIN_TIME_S))
    assert book.end_by(_view(clock_s=CHAIN_TIME_S)) == ()
    (ended,) = book.end_by(_view(clock_s=CHAIN_TIME_S + 1))
    assert ended.kind is OutcomeKind.EXPIRED
    assert book.reserved(USDC.address) == 0


def test_end_by__nonce_dead__frees_the_quote_and_no_other() -> None:
    book = ReservationBook(confirmations=0)
    book.add(_quote(1))
    book.add(_quote(2, amount=70))
    (ended,) = book.end_by(_view(spent=(1,)))
    assert ended.kind is OutcomeKind.SPENT
    assert book.reserved(USDC.address) == 70


def test_end_by__confirmations_asked_for__waits_for_them() -> None:
    book = ReservationBook(confirmations=2)
    book.add(_quote())
    assert book.end_by(_view(100, spent=(1,))) == ()
    assert book.end_by(_view(101, spent=(1,))) == ()
    assert len(book.end_by(_view(102, spent=(1,)))) == 1


def test_end_by__reorganisation_takes_the_clock_back__expires_again_later() -> None:
    book = ReservationBook(confirmations=2)
    book.add(_quote(expiration_s=CHAIN_TIME_S))
    assert book.end_by(_view(100, clock_s=CHAIN_TIME_S + 1)) == ()
    assert book.end_by(_view(100, clock_s=CHAIN_TIME_S)) == ()
    for block in (101, 102):
        assert book.end_by(_view(block, clock_s=CHAIN_TIME_S + block)) == ()
    (ended,) = book.end_by(_view(103, clock_s=CHAIN_TIME_S + 103))
    assert (ended.kind, book.reserved(USDC.address)) == (OutcomeKind.EXPIRED, 0)


def test_end_by__revived_nonce__still_expires() -> None:
    book = ReservationBook(confirmations=1)
    book.add(_quote(expiration_s=CHAIN_TIME_S + 5))
    assert book.end_by(_view(100, spent=(1,))) == ()
    assert book.end_by(_view(100)) == ()
    assert book.end_by(_view(101, clock_s=CHAIN_TIME_S + 6)) == ()
    (ended,) = book.end_by(_view(102, clock_s=CHAIN_TIME_S + 7))
    assert ended.kind is OutcomeKind.EXPIRED


def test_end_by__reorganisation_revives_the_nonce__starts_counting_again() -> None:
    book = ReservationBook(confirmations=2)
    book.add(_quote())
    book.end_by(_view(100, spent=(1,)))
    assert book.end_by(_view(102)) == ()
    assert book.end_by(_view(103, spent=(1,))) == ()
    assert len(book.end_by(_view(105, spent=(1,)))) == 1


def test_end_by__chain_falls_back__starts_counting_again() -> None:
    book = ReservationBook(confirmations=2)
    book.add(_quote())
    book.end_by(_view(100, spent=(1,)))
    assert book.end_by(_view(90, spent=(1,))) == ()
    assert book.end_by(_view(91, spent=(1,))) == ()
    assert len(book.end_by(_view(92, spent=(1,)))) == 1


def test_open_quotes__two_takers__each_has_its_own_sum_until_it_ends() -> None:
    other = address_from_bytes(b"\x33" * 20)
    book = ReservationBook(confirmations=0)
    book.add(_quote(1, amount=300))
    book.add(_quote(2, amount=200))
    book.add(_quote(3, amount=50, taker=other))
    assert book.open_quotes(TAKER).usd_wad == 550 * 10**12
    assert book.open_quotes(TAKER).taker_usd_wad == 500 * 10**12
    assert book.open_quotes(other).taker_usd_wad == 50 * 10**12
    book.end_by(_view(spent=(1, 3)))
    assert book.open_quotes(TAKER).taker_usd_wad == 200 * 10**12
    assert book.open_quotes(other).taker_usd_wad == 0
