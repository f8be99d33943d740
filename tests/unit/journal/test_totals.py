"""What live quotes may promise together: one pot for each holder of inventory, and more where lending delivers."""

import asyncio
from dataclasses import replace

from pmm.domain import USDC, Address
from pmm.execution import AdmittedQuote, AnsweredQuote, Claim, Settlement
from pmm.journal.totals import Totals, asset_name, names_of
from pmm.risk import QuoteLimits
from tests.helpers.journal_desks import request
from tests.helpers.quoting import open_test_desk

_HELD = 1_000 * 10**6


def _quote(reserved: int, settlement: Settlement = Settlement.ONEINCH) -> AdmittedQuote:
    answered = asyncio.run(open_test_desk().desk.firm_quote(request(1)))
    assert isinstance(answered, AnsweredQuote)
    return replace(answered.admitted, reserved_amount=reserved, settlement=settlement)


def _claim(block_number: int = 1, *, ceiling: int = _HELD, provided: int = 0) -> Claim:
    return Claim(
        balance=_HELD, ceiling=ceiling, block_number=block_number, limits=QuoteLimits(), provided=provided
    )


def _totals(quote: AdmittedQuote, replica: str = "a") -> Totals:
    totals = Totals(replica)
    totals.accept(names_of(quote), [])
    return totals


def test_admit__account_of_a_relayer_beside_the_contract__counts_for_itself() -> None:
    contract, account = _quote(_HELD - 1), _quote(_HELD - 1, Settlement.OKX)
    totals = _totals(contract)
    totals.accept(names_of(account), [])
    assert totals.admit(contract, _claim()).accepted
    assert totals.admit(account, _claim()).accepted
    # Both contract venues pay out of one pot.
    assert not totals.admit(_quote(1, Settlement.PMM), _claim()).accepted
    assert not totals.admit(_quote(1, Settlement.OKX), _claim()).accepted
    usdc = Address(USDC.address)
    assert (
        asset_name(usdc, Settlement.PMM)
        == asset_name(usdc, Settlement.ONEINCH)
        != asset_name(usdc, Settlement.OKX)
    )


def test_admit__lending_delivers_beyond_the_balance__up_to_both_together() -> None:
    totals = _totals(_quote(1))
    beyond = _claim(ceiling=3 * _HELD, provided=2 * _HELD)
    assert not totals.admit(_quote(2 * _HELD), _claim()).accepted
    assert totals.admit(_quote(2 * _HELD), beyond).accepted
    assert not totals.admit(_quote(_HELD), beyond).accepted
    assert totals.admit(_quote(_HELD - 1), beyond).accepted
    assert not totals.admit(_quote(1), _claim()).accepted


def test_admit__another_replica_saw_a_younger_balance__lending_is_added_to_that() -> None:
    quote = _quote(1)
    totals = Totals("b")
    totals.accept(names_of(quote), [(asset_name(Address(USDC.address)), "0", "0", str(_HELD // 2), 9, "a")])
    beyond = _claim(8, ceiling=3 * _HELD, provided=2 * _HELD)
    assert not totals.admit(_quote(_HELD * 5 // 2), beyond).accepted
    assert totals.admit(_quote(_HELD * 5 // 2 - 1), beyond).accepted
