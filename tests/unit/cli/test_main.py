"""The command line's own behaviour: help, version, and errors in one line with an exit code."""

from __future__ import annotations

import pytest

from pmm import __version__
from pmm.cli import main


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    out, err = capsys.readouterr()
    code = ending.value.code
    return (code if isinstance(code, int) else 0 if code is None else 1), out, err


def test_main__version__is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--version")
    assert (code, out) == (0, f"pmm {__version__}\n")


def test_main__help__lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--help")
    assert code == 0
    for name in ("order", "localnet", "serve", "demo", "data"):
        assert f"  {name} " in out


@pytest.mark.parametrize("name", ["order", "localnet", "serve", "demo", "data"])
def test_main__help_of_each_command__works(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = _run(capsys, name, "--help")
    assert code == 0
    assert "Usage: pmm " in out


def test_main__unknown_command__exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "nonsense")
    assert code == 2
    assert "nonsense" in err


def test_main__error_of_ours__is_one_line_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "data", "fetch", "--day", "tomorrow")
    assert code == 2
    assert err == "error: expected --day as YYYY-MM-DD, found 'tomorrow'\n"
