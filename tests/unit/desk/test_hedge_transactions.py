"""What a hedge sends out of the stock: a first leg that finds it promised is refused, a later one waits."""

from pmm.desk.hedge_transactions import HedgeTransactions
from pmm.domain import WETH, parse_address
from pmm.execution.hedging.ports import ReportState
from pmm.execution.hedging.records import ContractCall
from tests.unit.desk.test_stock import Promises, move, swap
from tests.unit.desk.test_stocked_sender import Site, opened

FIRST, SALE, UNDO = "intent:0:0", "intent:1:0", "intent:100:0"


def call(amount: int, *, moved: bool = False) -> ContractCall:
    to, data = move(amount) if moved else swap(amount)
    return ContractCall(to=parse_address(to), data=data, purpose="p", gas_units=1)


def legs(site: Site) -> HedgeTransactions:
    site.turn()
    return HedgeTransactions(site.sender, site.stock)


def test_submit__first_leg_and_promised__is_refused() -> None:
    with opened(held=10, promised=9) as site:
        assert legs(site).submit(FIRST, call(2)).state is ReportState.REFUSED
        assert site.node.sent == []


def test_submit__later_leg_and_promised__waits_and_is_not_sent() -> None:
    with opened(held=10, promised=9) as site:
        for key, moved in ((SALE, False), (UNDO, True)):
            report = legs(site).submit(key, call(2, moved=moved))
            assert (report.state, report.references) == (ReportState.ABSENT, ())
            assert report.detail == f"waits for 2 of {WETH.address}, 1 are free"
        assert site.node.sent == []


def test_submit__later_leg_once_it_is_free__is_sent_once() -> None:
    with opened(held=10, promised=9) as site:
        assert legs(site).submit(SALE, call(2)).state is ReportState.ABSENT
        site.stock._reservations = Promises({WETH.address: 0})
        sending = legs(site)
        assert sending.submit(SALE, call(2)).state is ReportState.PENDING
        # All is promised again: what was sent is known, and is not said to be absent.
        site.stock._reservations = Promises({WETH.address: 10})
        assert legs(site).submit(SALE, call(2)).state is not ReportState.ABSENT
        assert len(site.node.sent) == 1


def test_submit__later_leg_that_spends_nothing_of_it__is_sent() -> None:
    with opened(held=10, promised=10) as site:
        other = ContractCall(to=parse_address("0x" + "77" * 20), data=b"1234", purpose="p", gas_units=1)
        assert legs(site).submit(SALE, other).state is ReportState.PENDING
