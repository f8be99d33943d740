"""`pmm report day`: a page from real files, an empty day, wrong input; and the page itself."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import pytest
from PIL import Image
from typer.testing import CliRunner

from pmm.cli.report import app
from pmm.errors import InvalidInput, SetupError
from pmm.ledger import open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.monitoring.history import SERIES, GaugeHistory
from pmm.report import write_day
from pmm.report.series import last
from tests.helpers.desk_day import DAY, MAKER, record_day
from tests.helpers.postgres import postgres_server
from tests.helpers.rehearsal import everything_happens
from tests.unit.replay.recorded_day import write_day as write_journal


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    record_day(path)
    return path


def _journal(folder: Path) -> Path:
    """Return a journal of the test desk, moved to the day, with two of its quotes filled."""
    path = folder / "journal.sqlite"
    write_journal(path)
    start_ms = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()) * 1_000
    with sqlite3.connect(path) as connection:
        (first,) = connection.execute("SELECT min(received_at_ms) FROM quotes").fetchone()
        connection.execute(
            "UPDATE quotes SET received_at_ms = received_at_ms - ? + ?", (first, start_ms + 60_000)
        )
        connection.execute(
            "INSERT INTO outcomes (order_hash, kind, at_ms, block_number) "
            "SELECT order_hash, 'spent', 1, 1 FROM quotes WHERE order_hash IS NOT NULL ORDER BY seq LIMIT 2"
        )
    return path


def test_write_day__ledger_and_journal__says_what_the_desk_did(ledger: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "day.html"
    report = write_day(DAY, journal=_journal(tmp_path), ledger=ledger, target=target)
    assert last(report.pnl) == pytest.approx(36 * (7.5 - 2.2 - 0.9 - 1.6) - 6 * 1.1 - 8 * 9.0)
    assert sum(last(steps) for steps in report.gas_usd.values()) == pytest.approx(36 * 1.6 + 6 * 2.4)
    assert report.worst_state == "critical"
    assert report.hedges == {"uniswap/filled": 32, "uniswap/repaired": 4}
    assert report.quoted > 2
    assert [one.horizon_s for one in report.markouts] == [1, 5, 30, 60]
    assert report.audit.startswith("1 entries, whole, head ")
    text = target.read_text()
    for word in ("Profit and loss", "Net delta", "Markouts", "Incidents", "WBTC", "hedge slippage", "kept"):
        assert word in text
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_page__every_part__stands_in_the_file_and_nothing_is_fetched(ledger: Path, tmp_path: Path) -> None:
    target = tmp_path / "day.html"
    write_day(DAY, journal=None, ledger=ledger, target=target)
    text = target.read_text()
    assert not re.search(r"<(script|link|img|iframe|object)\b", text)
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert not re.search(r"url\((?!#)", text)
    # An alert's title is text and no markup.
    assert "&lt;6.5 %&gt;" in text
    assert "<6.5" not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for target_id in re.findall(r'(?:url\(|href=")#([^")]+)', text):
        assert target_id in ids
    svgs = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(svgs) == 10
    for svg in svgs:
        ElementTree.fromstring(svg)
        # Every colour is a name with a value for light and for dark.
        assert not re.search(r"#(?:01010|02020)", svg)
        used = set(re.findall(r"var\(--(\w+)\)", svg))
        assert used
        for name in used:
            assert text.count(f"--{name}:") == (1 if name == "face" else 2)


def test_page__journal_alone__shows_what_is_unknown_as_unknown_and_never_as_zero(tmp_path: Path) -> None:
    target = tmp_path / "day.html"
    report = write_day(DAY, journal=_journal(tmp_path), ledger=None, target=target)
    assert (report.filled, report.worst_state, report.allowed_loss) == (2, "unknown", None)
    tiles = dict(re.findall(r'class="name">([^<]+)</span><span class="value">([^<]+)<', target.read_text()))
    unknown = [name for name, value in tiles.items() if value == "unknown"]
    assert unknown == ["Profit and loss", "Gas", "Worst state", "Value at risk"]
    assert tiles["Fills"] == "2"


def test_page__written_twice__is_the_same_but_for_the_minute(ledger: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        write_day(DAY, journal=None, ledger=ledger, target=tmp_path / name)
        texts.append(re.sub(r"made [\d: -]+UTC", "", (tmp_path / name).read_text()))
    assert texts[0] == texts[1]


def test_command__empty_day__says_so(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "empty.html"
    done = CliRunner().invoke(app, ["day", "2001-01-01", "--ledger", str(ledger), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "nothing happened on 2001-01-01" in done.output
    text = out.read_text()
    assert "Nothing happened" in text
    assert "<svg" not in text


def test_command__day__is_written_and_summed_up(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "day.html"
    done = CliRunner().invoke(app, ["day", DAY.isoformat(), "--ledger", str(ledger), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "36 fills" in done.output
    assert "worst state critical" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["day", "2026-11-28"], "neither"),
        (["day", "28.11.2026", "--ledger", "x"], "YYYY-MM-DD"),
        (["day", "2026-11-28", "--ledger", "/nonexistent/ledger"], "ledger"),
        (["day", "2026-11-28", "--journal", "/nonexistent/journal"], "journal"),
    ],
)
def test_command__wrong_input__is_refused_in_words(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, InvalidInput)
    assert says in str(done.exception)


def test_write_day__target_that_cannot_be_written__says_so_and_leaves_nothing(
    ledger: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="--out"):
        write_day(DAY, journal=None, ledger=ledger, target=tmp_path / "file" / "day.html")


def test_page__names_that_look_like_markup_or_formulas__stand_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    opened = open_ledger(path, chain_id=1, maker=MAKER)
    events = DeskEvents()
    names = ("$\\frac$", "$x^$ and $y$", "<script>alert(1)</script>", "_hidden")
    for name in names:
        events.book.pnl_booked(token=name, component=name, usd=1.0)
        events.book.inventory_changed(token=name, place="<b>", amount=1, usd=1)
        events.risk.metric_measured(metric="uptime_pct", subject=name, value=1, state="normal")
    history = GaugeHistory(opened, events.registry, run="a")
    noon_ms = int(datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC).timestamp()) * 1_000
    history.sample(noon_ms)
    for name in names:
        events.risk.metric_measured(metric="uptime_pct", subject=name, value=1, state="critical")
    history.sample(noon_ms + 1)
    opened.close()
    target = tmp_path / "day.html"
    write_day(DAY, journal=None, ledger=path, target=target)
    text = target.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "$x^$ and $y$" in text
    assert "&lt;script&gt;" in text


def test_write_day__machine_of_another_alphabet__writes_utf_8(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pmm.report.writing.page", lambda *_args, **_named: "…")
    encodings: list[str | None] = []

    def opens(descriptor: int, mode: str, encoding: str | None = None) -> IO[str]:
        encodings.append(encoding)
        return open(descriptor, mode, encoding=encoding)

    monkeypatch.setattr("pmm.report.writing.os.fdopen", opens)
    write_day(DAY, journal=None, ledger=ledger, target=tmp_path / "day.html")
    assert encodings == ["utf-8"]


def test_history__on_postgresql__reads_back_as_on_sqlite(ledger: Path, tmp_path: Path) -> None:
    events = DeskEvents()
    everything_happens(events)
    with postgres_server() as server:
        url = server.new_schema()
        opened = open_ledger(url, chain_id=1, maker=MAKER)
        now_ms = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()) * 1_000
        history = GaugeHistory(opened, events.registry, run="a")
        assert history.sample(now_ms) > len(SERIES)
        assert history.sample(now_ms + 1) == 0
        events.book.pnl_booked(token="WETH", component="spread", usd=1.0)
        assert history.sample(now_ms + 2) == 1
        opened.close()
        report = write_day(DAY, journal=None, ledger=url, target=tmp_path / "day.html")
    assert last(report.pnl) == pytest.approx(12.5 - 1.5 + 1.0)


def test_history__names__are_metrics_that_the_desk_has() -> None:
    events = DeskEvents()
    everything_happens(events)
    there = {
        (sample.name, tuple(sorted(sample.labels)))
        for family in events.registry.collect()
        for sample in family.samples
    }
    for name, labels in SERIES.items():
        assert (name, tuple(sorted(labels))) in there


def test_page__in_chromium__draws_light_and_dark(ledger: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("expected chromium on PATH; `apt-get install chromium` brings it")
    target = tmp_path / "day.html"
    write_day(DAY, journal=None, ledger=ledger, target=target)
    shots = []
    for name, scheme in (("light", "1"), ("dark", "0")):
        shot = tmp_path / f"{name}.png"
        subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--window-size=1160,2400",
                f"--user-data-dir={tmp_path / name}",
                f"--blink-settings=preferredColorScheme={scheme}",
                f"--screenshot={shot}",
                target.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        shots.append(shot)
    pictures = [Image.open(shot).convert("L").resize((60, 120)) for shot in shots]
    light, dark = (picture.tobytes() for picture in pictures)
    assert light[0] > 200 > 60 > dark[0]
    # A page that did not draw is of one colour.
    assert min(len(set(light)), len(set(dark))) > 20
