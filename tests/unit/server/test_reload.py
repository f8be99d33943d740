"""Hot reload: all of a change or none of it, and a bad file changes nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pmm.errors import InvalidInput
from pmm.monitoring.events import Events
from pmm.monitoring.metrics import Metrics
from pmm.server.reloader import Reloader
from pmm.settings import ServeSettings, load_settings
from pmm.settings_changes import RELOADABLE, changes, flat, shown


def _reloader(path: Path, applied: list[ServeSettings]) -> Reloader:
    def prepare(new: ServeSettings):  # type: ignore[no-untyped-def]
        if new.quote_ttl_s == 13:
            raise InvalidInput("no policy with 13 s")
        return lambda: applied.append(new)

    return Reloader(
        load_settings(config=path),
        load=lambda: load_settings(config=path),
        prepare=prepare,
        events=Events(Metrics()),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "pmm.toml"
    path.write_text("[quoting]\nhalf_spread_bps = 5\n")
    return path


def test_reload__reloadable_settings__swaps_once_and_says_what(path: Path) -> None:
    applied: list[ServeSettings] = []
    reloader = _reloader(path, applied)
    path.write_text("[quoting]\nhalf_spread_bps = 6\n[auth]\nburst = 9\n")
    assert reloader.reload("ada") == {
        "half_spread_bps": {"from": "5", "to": "6"},
        "auth.burst": {"from": 500, "to": 9},
    }
    assert [settings.half_spread_bps for settings in applied] == [Decimal(6)]
    assert reloader.reload("ada") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[quoting]\nhalf_spread_bps = 6\n[server]\nport = 9999", "port: the socket is open with it"),
        ("[key]\nlive = true", "live: which key signs"),
        ("[tls]\ncertificate = '/c'\nkey = '/k'", "tls.certificate: the socket"),
        ("[quoting]\npairs = ['WETH/USDC']", "pairs: it is read at the start only"),
        ("[quoting]\nhalf_spread_bps = -1", "PMM_HALF_SPREAD_BPS"),
        ("[quoting", "expected TOML"),
        ("[limits]\nquote_ttl_s = 13", "no policy"),
    ],
)
def test_reload__wrong_or_fixed_setting__changes_nothing(path: Path, text: str, why: str) -> None:
    applied: list[ServeSettings] = []
    reloader = _reloader(path, applied)
    running = reloader.running
    path.write_text(text)
    with pytest.raises(InvalidInput, match=why):
        reloader.reload("ada")
    assert applied == []
    assert reloader.running is running


def test_reload__file_gone__changes_nothing(path: Path) -> None:
    applied: list[ServeSettings] = []
    reloader = _reloader(path, applied)
    path.unlink()
    with pytest.raises(InvalidInput):
        reloader.reload("ada")
    assert applied == []


def test_reloadable__every_name__is_a_setting() -> None:
    assert set(flat(load_settings())) >= RELOADABLE


def test_changes__secret__is_named_but_not_shown() -> None:
    settings = load_settings({"keystore_password": "hunter2"})
    assert shown("keystore_password", settings.keystore_password) == "<redacted>"
    with pytest.raises(InvalidInput) as caught:
        changes(load_settings(), settings)
    assert "keystore_password" in str(caught.value)
    assert "hunter2" not in str(caught.value)
