"""A recorded day priced again comes out byte for byte; what was changed is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from pmm.cli.replay import app
from pmm.errors import InvalidInput
from pmm.execution import PairBook
from pmm.journal import PostgresJournal
from pmm.models.template import WiderSpread
from pmm.pricing import StandardModel
from pmm.replay import ReplayReport, recorded_quotes, replay
from tests.helpers.postgres import postgres_server
from tests.helpers.quoting import CHAIN_TIME_S, MAKER
from tests.unit.execution.test_pre_trade_gate import gate_of, state_of
from tests.unit.replay.recorded_day import LIMITS, PAIR, write_day

_REQUESTS = 7 * 12


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("day") / "journal.sqlite"
    write_day(path)
    return path


def _replay(path: Path, **changes: object) -> ReplayReport:
    pair = replace(PAIR, **changes) if changes else PAIR  # type: ignore[arg-type]
    return replay(
        recorded_quotes(path), StandardModel(), pairs=PairBook([pair]), limits=LIMITS, stop_at_first=True
    )


def test_replay__built_in_model__is_byte_for_byte_as_recorded(day: Path) -> None:
    report = _replay(day)
    assert report.differences == []
    assert (report.priced, report.not_priced, report.other_policy) == (_REQUESTS, 0, 0)
    assert report.both_quoted > 20
    assert report.better_bps_e2 == 0


def test_replay__shaped_by_an_operator_in_between__is_byte_for_byte_too(tmp_path: Path, day: Path) -> None:
    path = tmp_path / "shaped.sqlite"
    write_day(path, shaped=True)
    report = _replay(path)
    assert report.differences == []
    assert (report.priced, report.other_policy) == (_REQUESTS, 0)
    shaped = [one for one in recorded_quotes(path) if "operator_spread" in (one.pricing or "")]
    assert 0 < len(shaped) < report.both_quoted < _replay(day).both_quoted
    assert all('"operator_spread":"4.25"' in str(one.pricing) for one in shaped)
    assert any("operator_skew" in str(one.pricing) for one in shaped)


def test_replay__held_back_by_the_risk_desk__is_byte_for_byte_too(tmp_path: Path) -> None:
    path = tmp_path / "held.sqlite"
    gate = gate_of(max_age_ms=600_000)
    gate.put(state_of(-9_000, valid_ms=600_000))
    write_day(path, gate=gate)
    report = _replay(path)
    assert report.differences == []
    assert report.priced == _REQUESTS
    held = [one for one in recorded_quotes(path) if "exposure within the desk's limits" in one.detail]
    assert held
    assert all(one.decided is not None and one.decided.priced == "quoted" for one in held)
    assert report.both_quoted > 20


def test_recorded_quotes__snapshot__comes_back_whole(day: Path) -> None:
    first = next(iter(recorded_quotes(day)))
    assert first.snapshot is not None
    assert first.snapshot.references[0].source == "binance"
    assert first.snapshot.otc[0].counterparty == "desk"


@pytest.mark.parametrize(
    ("column", "old", "new", "what"),
    [
        ("pricing", '"half_spread":"5"', '"half_spread":"6"', "pricing"),
        ("losing", "not needed", "needed", "losing"),
        ("inputs", '"priced":"quoted"', '"priced":"paused"', "decision"),
    ],
)
def test_replay__one_byte_changed__is_found_and_shown(
    day: Path, tmp_path: Path, column: str, old: str, new: str, what: str
) -> None:
    """The planted faults: the comparison above is no empty one."""
    path = _copy(day, tmp_path)
    with sqlite3.connect(path) as connection:
        done = connection.execute(
            f"UPDATE quotes SET {column} = replace({column}, ?, ?) WHERE seq = "
            f"(SELECT min(seq) FROM quotes WHERE instr({column}, ?))",
            (old, new, old),
        )
        assert done.rowcount == 1
    (difference,) = _replay(path).differences
    assert difference.what == what
    assert difference.recorded != difference.replayed


def test_replay__other_settings__says_so_and_compares_nothing(day: Path) -> None:
    report = _replay(day, max_fee_bps=99)
    assert (report.priced, report.other_policy) == (0, _REQUESTS)


def test_replay__another_model__counts_what_it_does_otherwise(day: Path) -> None:
    report = replay(
        recorded_quotes(day), WiderSpread(), pairs=PairBook([PAIR]), limits=LIMITS, stop_at_first=False
    )
    assert report.other_model == report.priced == _REQUESTS
    assert len(report.differences) >= report.both_quoted > 0
    assert report.better_bps_e2 < 0


def test_recorded_quotes__another_day__is_empty(day: Path) -> None:
    today = datetime.fromtimestamp(CHAIN_TIME_S, UTC).date()
    assert len(list(recorded_quotes(day, day=today))) == _REQUESTS
    assert list(recorded_quotes(day, day=today.replace(year=today.year - 1))) == []


def test_recorded_quotes__journal_without_inputs__is_refused(day: Path, tmp_path: Path) -> None:
    path = _copy(day, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE quotes DROP COLUMN inputs")
    with pytest.raises(InvalidInput, match="schema version 2"):
        list(recorded_quotes(path))


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_PAIRS", "WETH/USDC")


@pytest.mark.usefixtures("settings")
def test_replay_command__as_recorded__exits_0(day: Path) -> None:
    done = CliRunner().invoke(app, [str(day)])
    assert done.exit_code == 0, done.output
    assert "byte for byte as recorded" in done.output


@pytest.mark.usefixtures("settings")
def test_replay_command__difference__exits_1_with_the_first(day: Path, tmp_path: Path) -> None:
    path = _copy(day, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE quotes SET detail = 'else' WHERE seq = 3")
    done = CliRunner().invoke(app, [str(path)])
    assert done.exit_code == 1
    assert "first difference" in done.output
    assert "recorded: else" in done.output


@pytest.fixture(scope="module")
def database(day: Path) -> Iterator[str]:
    with postgres_server() as server:
        url = server.new_schema()
        PostgresJournal(url, chain_id=1, maker=MAKER).close()
        with sqlite3.connect(day) as source, psycopg.connect(url) as target:
            for table in ("snapshots", "quotes"):
                rows = source.execute(f"SELECT * FROM {table}")
                names = ", ".join(f'"{column[0]}"' for column in rows.description)
                places = ", ".join("%s" for _ in rows.description)
                insert = f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({places})"
                target.cursor().executemany(insert.encode(), rows.fetchall())
        yield url


@pytest.mark.usefixtures("settings")
def test_replay_command__day_of_a_database__is_byte_for_byte_as_recorded(
    monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setenv("PMM_DATABASE_URL", database)
    day = datetime.fromtimestamp(CHAIN_TIME_S, UTC).date()
    done = CliRunner().invoke(app, [day.isoformat()])
    assert done.exit_code == 0, done.output
    assert f"{_REQUESTS} decisions priced again" in done.output
    assert "byte for byte as recorded" in done.output
    empty = CliRunner().invoke(app, [day.replace(year=day.year - 1).isoformat()])
    assert "0 decisions priced again" in empty.output


def test_recorded_quotes__database__are_those_of_the_same_day_in_a_file(day: Path, database: str) -> None:
    def plain(where: Path | str) -> list[tuple[object, ...]]:
        return [
            (one.seq, one.decision, one.detail, one.losing, one.pricing) for one in recorded_quotes(where)
        ]

    assert plain(database) == plain(day)


def test_recorded_quotes__database_without_inputs_or_journal__is_refused() -> None:
    with postgres_server() as server:
        url = server.new_schema()
        with pytest.raises(InvalidInput, match="expected a journal in"):
            list(recorded_quotes(url))
        PostgresJournal(url, chain_id=1, maker=MAKER).close()
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE quotes DROP COLUMN inputs")
        with pytest.raises(InvalidInput, match="schema version 2"):
            list(recorded_quotes(url))


def test_replay_command__day_without_a_journal__says_what_to_set() -> None:
    done = CliRunner().invoke(app, ["2026-11-29"])
    assert isinstance(done.exception, InvalidInput)
    assert "PMM_DATABASE_URL or PMM_JOURNAL" in str(done.exception)


def _copy(day: Path, folder: Path) -> Path:
    path = folder / "copy.sqlite"
    with sqlite3.connect(day) as source, sqlite3.connect(path) as target:
        source.backup(target)
    return path
