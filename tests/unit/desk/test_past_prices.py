"""A price history in the desk: read or refused, in the record before the desk's own prices, kept as replayed days."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pmm.desk.backtest_ledger import DAY_MS, put_day, put_end, var_days
from pmm.desk.past_prices import PastPrices
from pmm.desk.price_history_file import read_price_history
from pmm.desk.var_days import VarDays
from pmm.errors import InvalidInput, SetupError
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import VarMeasured
from pmm.risk.price_history import PriceHistory
from pmm.risk.price_record import HOUR_MS, MOST_HOURS, PriceRecord
from pmm.risk.tail import TailRisk
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import TOKENS
from tests.unit.desk.test_risk_clock import Turns
from tests.unit.risk.test_price_history import FIRST, held, history, walked

DAYS = 260
UNTIL_MS = (FIRST + DAYS) * DAY_MS
ASSETS = ("USDC", "WETH")
TAILS = {"monte_carlo": TailRisk(value_at_risk_usd=9.0, expected_shortfall_usd=10.0)}


@pytest.fixture(scope="module")
def year() -> PriceHistory:
    return history(walked(DAYS * 24 + 1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    yield found
    found.close()


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as found:
        yield found


def written(path: Path, *lines: str, header: str = "timestamp,USDC,WBTC,WETH", hours: int = 102) -> Path:
    rows = [f"{at_ms // 1_000},{usdc},60000,{weth}" for at_ms, (usdc, weth) in walked(hours)]
    path.write_text("\n".join([header, *rows, *lines]) + "\n")
    return path


def test_file__with_more_columns__is_read_by_name(tmp_path: Path) -> None:
    found = read_price_history(written(tmp_path / "past.csv"), ASSETS, now_ms=UNTIL_MS)
    assert found.prices.shape == (102, 2)
    assert found.prices == pytest.approx(history(walked(102)).prices)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"header": "timestamp,USDC,WBTC,ETH"},
            "expected a column of WETH, found timestamp, USDC, WBTC, ETH",
        ),
        ({"header": "time,USDC,WBTC,WETH"}, "expected a column of timestamp, found"),
        ({"hours": 100}, "expected more than 100 hours of prices, found 100"),
        ({"lines": ("1828800000,1,60000,x",)}, "line 104: expected unix seconds and dollars per token"),
        ({"lines": ("1828800000,1",)}, "line 104: expected unix seconds and dollars per token"),
        ({"lines": ("1828800000.5,1,60000,3000",)}, "line 104: expected unix seconds"),
        ({"lines": (f"{10**30},1,60000,3000",)}, "line 104: expected unix seconds, found 1000"),
        ({"lines": ("-5,1,60000,3000",)}, "line 104: expected unix seconds, found -5"),
        ({"lines": ("1,1,60000,3000",)}, "expected a time after"),
        ({"lines": ("1828800000,1,60000,-3",)}, "expected prices above zero"),
        ({"lines": ("1828800000000,1,60000,3000",)}, "expected prices of the past, found 1828800000000 s"),
    ],
)
def test_file__that_is_none__is_refused_with_its_place(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    lines = change.pop("lines", ())
    hours = change.pop("hours", 102)
    assert isinstance(lines, tuple)
    assert isinstance(hours, int)
    file = written(tmp_path / "past.csv", *lines, hours=hours, **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=said) as refused:
        read_price_history(file, ASSETS, now_ms=UNTIL_MS)
    assert str(refused.value).startswith(f"PMM_DESK_PRICE_HISTORY {file}: ")


def test_file__of_a_spreadsheet__with_its_mark_of_bytes__is_read(tmp_path: Path) -> None:
    file = written(tmp_path / "past.csv")
    file.write_text(file.read_text(), encoding="utf-8-sig", newline="\r\n")
    assert read_price_history(file, ASSETS, now_ms=UNTIL_MS).prices.shape == (102, 2)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_file__missing_or_of_bytes__is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "past.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidInput, match="PMM_DESK_PRICE_HISTORY"):
        read_price_history(file, ASSETS, now_ms=UNTIL_MS)


def recorded(past: PastPrices, own: list[tuple[int, dict[str, float]]], now_ms: int) -> PriceRecord:
    record = PriceRecord(ASSETS, every_ms=60_000, least=60)
    for at_ms, row in past.around(own, now_ms):
        record.see(at_ms, row)
    return record


def test_record__without_prices_of_its_own__begins_with_the_newest_month(year: PriceHistory) -> None:
    record = recorded(PastPrices(year), [], UNTIL_MS)
    assert record.missing == 0
    hours = record.hour_returns()
    assert hours is not None
    assert len(hours) == MOST_HOURS - 1
    assert record.see(UNTIL_MS + 60_000, {"USDC": 1.0, "WETH": 3_000.0})


def test_record__with_prices_of_its_own__is_filled_up_in_the_hours_that_they_lack(year: PriceHistory) -> None:
    # An hour of ten days ago, and the last two.
    minutes = [UNTIL_MS - 10 * DAY_MS + minute * 60_000 + 7 for minute in range(60)]
    minutes += [UNTIL_MS - 2 * HOUR_MS + minute * 60_000 + 7 for minute in range(120)]
    own = [(at_ms, {"USDC": 1.0, "WETH": 9_999.0}) for at_ms in minutes]
    rows = PastPrices(year).around(own, UNTIL_MS)
    assert [one for one in rows if one[1]["WETH"] == 9_999.0] == own
    times = [at_ms for at_ms, _ in rows]
    assert times == sorted(times)
    # Of the history's month all but those three hours.
    assert len(rows) == len(own) + MOST_HOURS - 3
    assert PastPrices(None).around(own, UNTIL_MS) == own


@pytest.mark.parametrize(("days", "begins"), [(7, True), (8, False)])
def test_record__history_that_is_too_old__stays_empty(year: PriceHistory, days: int, begins: bool) -> None:
    record = recorded(PastPrices(year), [], UNTIL_MS + days * DAY_MS)
    assert (record.missing == 0) is begins


def test_clock__with_a_history__knows_value_at_risk_at_once_and_judges_it(
    ledger: Ledger, year: PriceHistory
) -> None:
    turns = Turns(ledger, least=60, history=year)
    found = turns.valued(3_000)
    assert any(isinstance(one, VarMeasured) for one in found)
    for value in ("var", "shortfall"):
        for method in ("monte_carlo", "historical"):
            assert (turns.metric("pmm_risk_loss_usd", method=method, measure=value) or 0) > 0
    # The replay stands behind the valuation in the same thread.
    turns.clock._aside.submit(int).result(timeout=60)
    turns.clock.keep(turns.now_ms)
    days = [one for one in var_days(ledger) if one.replayed]
    assert [one.day for one in days] == list(range(FIRST + DAYS - 250, FIRST + DAYS))
    for method in ("monte_carlo", "historical"):
        assert turns.metric("pmm_var_backtest", method=method, count="days") == 250
        assert turns.metric("pmm_var_backtest", method=method, count="replayed") == 250
        assert turns.metric("pmm_var_backtest_zone", method=method) in (0, 1)
        assert turns.metric("pmm_var_backtest_p_value", method=method, test="kupiec") is not None
    assert turns.metric("pmm_risk_loss_usd", method="realised", measure="pnl") == pytest.approx(
        days[-1].realised_usd
    )
    assert turns.metric("pmm_var_exceedances_total") == 0
    turns.clock.close()


def test_replay__own_days_come__take_the_place_of_the_oldest(
    ledger: Ledger, year: PriceHistory, aside: ThreadPoolExecutor
) -> None:
    events = DeskEvents()
    days = VarDays(ledger, events.risk, tokens=TOKENS)
    past = PastPrices(year)
    past.judge(held(), aside)
    aside.submit(int).result(timeout=60)
    past.keep(days)
    for number in range(FIRST + DAYS - 3, FIRST + DAYS):
        with ledger.transaction() as transaction:
            put_day(transaction, number, number * DAY_MS, 1, TAILS, {})
            put_end(transaction, number, (number + 1) * DAY_MS, 5 * 10**6)
    again = VarDays(ledger, events.risk, tokens=TOKENS)
    value = events.registry.get_sample_value
    assert again.wants_history
    assert value("pmm_var_backtest", {"method": "monte_carlo", "count": "days"}) == 250
    assert value("pmm_var_backtest", {"method": "monte_carlo", "count": "replayed"}) == 247
    # A start shows the newest day that is over; it was counted when it ended.
    assert value("pmm_risk_loss_usd", {"method": "realised", "measure": "pnl"}) == 5


def test_own_days__enough_for_a_verdict__want_no_history(ledger: Ledger) -> None:
    for number in range(FIRST, FIRST + 250):
        with ledger.transaction() as transaction:
            put_day(transaction, number, number * DAY_MS, 1, TAILS, {})
            put_end(transaction, number, (number + 1) * DAY_MS, 5 * 10**6)
    assert not VarDays(ledger, DeskEvents().risk, tokens=TOKENS).wants_history


def test_replay__ledger_is_down__is_written_later(
    ledger: Ledger, year: PriceHistory, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = VarDays(ledger, DeskEvents().risk, tokens=TOKENS)
    past = PastPrices(year)
    past.keep(days)
    past.judge(held(), aside)
    # Once: the second book is not asked for.
    past.judge(held(7.0), aside)
    aside.submit(int).result(timeout=60)

    def down() -> None:
        raise SetupError("down")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "transaction", down)
        with pytest.raises(SetupError):
            past.keep(days)
    assert var_days(ledger) == ()
    past.keep(days)
    assert len(var_days(ledger)) == 250
    assert abs(var_days(ledger)[-1].realised_usd or 0) > 7


def test_replay__that_fails__is_told_and_ends_nothing(
    ledger: Ledger, year: PriceHistory, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise InvalidInput("no")

    monkeypatch.setattr("pmm.desk.past_prices.replay", fails)
    days = VarDays(ledger, DeskEvents().risk, tokens=TOKENS)
    past = PastPrices(year)
    past.judge(held(), aside)
    aside.submit(int).result(timeout=60)
    past.keep(days)
    past.keep(days)
    assert var_days(ledger) == ()
