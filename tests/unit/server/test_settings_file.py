"""The TOML file: precedence, refusals with hints, secrets that are not repeated."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.cli import main
from pmm.errors import InvalidInput
from pmm.settings import load_settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PMM_"):
            monkeypatch.delenv(name)


def _file(folder: Path, text: str) -> Path:
    path = folder / "pmm.toml"
    path.write_text(text)
    return path


_GOOD = """
[server]
port = 9001
[quoting]
half_spread_bps = 2.7
pairs = ["WETH/USDC", "DAI/USDC"]
funding_sources = []
[auth]
rate_per_s = 0.1
[tls]
certificate = "/c.pem"
key = "/k.pem"
"""


def test_file__tables__are_read_exactly(tmp_path: Path) -> None:
    settings = load_settings(config=_file(tmp_path, _GOOD))
    assert settings.port == 9001
    assert settings.half_spread_bps == Decimal("2.7")
    assert settings.auth.rate_per_s == Decimal("0.1")
    assert settings.pairs == ("WETH/USDC", "DAI/USDC")
    assert settings.funding_sources == ()
    assert settings.tls.key == Path("/k.pem")
    assert settings.auth.burst == 500


def test_precedence__option_before_variable_before_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, _GOOD)
    monkeypatch.setenv("PMM_PORT", "9002")
    monkeypatch.setenv("PMM_AUTH_RATE_PER_S", "7")
    settings = load_settings(config=path)
    assert (settings.port, settings.auth.rate_per_s) == (9002, Decimal(7))
    # The rest of a section stands when a variable sets a part of it.
    assert settings.tls.certificate == Path("/c.pem")
    assert load_settings({"port": 9003}, config=path).port == 9003


def test_file__named_by_the_environment__is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_CONFIG", str(_file(tmp_path, _GOOD)))
    assert load_settings().port == 9001
    monkeypatch.delenv("PMM_CONFIG")
    assert load_settings().port == 8650


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[server]\nprot = 1", "did you mean port"),
        ("[sever]\nport = 1", r"did you mean \[server\]"),
        ("[auth]\nkey_file = 'x'", "did you mean keys_file"),
        ("[server]\nhalf_spread_bps = 1", r"belongs into \[quoting\]"),
        ("[server]\nzzzzzzzz = 1", "pmm config show"),
        ("port = 1", "expected tables"),
        ("[server\nport = 1", "expected TOML"),
        ("[server]\nport = 70000", "PMM_PORT"),
        ("[server]\nport = 'many'", "PMM_PORT"),
        ("[auth]\nburst = 0", "PMM_AUTH_BURST"),
        ("[quoting]\nhalf_spread_bps = nan", "PMM_HALF_SPREAD_BPS"),
        ("[tls]\ncertificate = '/c'", "PMM_TLS: expected certificate and key together"),
        ("[signer]\nsocket = '/s'", "PMM_SIGNER: address"),
        ("[[server]]\nport = 1", "expected tables"),
    ],
)
def test_file__wrong__is_refused_with_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint) as caught:
        load_settings(config=_file(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[server]\nhost = '" + b"x" * 1_000_001 + b"'"])
def test_file__no_text_or_endless__is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pmm.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="expected"):
        load_settings(config=path)


def test_file__missing__says_which(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.toml"):
        load_settings(config=tmp_path / "nothing.toml")


def test_misspelt_section_variable__is_refused_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_AUTH_KEY_FILE", "x")
    with pytest.raises(InvalidInput, match="did you mean PMM_AUTH_KEYS_FILE"):
        load_settings()


_SECRETS = """
[chain]
rpc_url = "https://user:hunter2@node.example:8545/v3/SECRETKEY"
[key]
keystore_password = "hunter2"
[tls]
certificate = "/c"
key = "/k"
key_password = "hunter2"
"""


def test_secrets__repr_and_show__are_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, _SECRETS)
    settings = load_settings(config=path)
    main_ok(["config", "show", "--config", str(path)])
    for text in (repr(settings), str(settings), capsys.readouterr().out):
        assert "hunter2" not in text
        assert "SECRETKEY" not in text
        assert "node.example" in text


@pytest.mark.parametrize(
    "text",
    [
        "[key]\nkeystore_password = ['hunter2']",
        "[tls]\nkey_password = ['hunter2']",
        "[tls]\ncertificate = '/c'\nkey_password = 'hunter2'",
        "[chain]\nrpc_url = 'ftp://hunter2@host/'",
    ],
)
def test_secrets__wrong_value__are_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(config=_file(tmp_path, text))
    assert "hunter2" not in str(caught.value)


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)
