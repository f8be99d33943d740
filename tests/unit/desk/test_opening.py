"""The order in which a desk is opened, and that whatever was opened is closed where the rest cannot be."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from pmm.desk import opening
from pmm.desk.closing import OpenedParts
from pmm.errors import InvalidInput, SetupError, UnsafeToSign

_REAL = {"OpenedParts", "open_desk", "InvalidInput", "SetupError", "UnsafeToSign"}
# In the order in which they are opened: each by the name that makes it.
_OPENED = (
    "Scene",
    "open_ledger",
    "RiskClock",
    "PendingDesk",
    "Stock",
    "NodePool",
    "KnownOrders",
    "desk_alerts",
    "DeskActions",
    "DeskSources",
    "watched_server",
    "MetricsPort",
    "DeskConsole",
    "PreTradeDesk",
)


class Makers:
    """Stands for all that the composition root calls; ``closed`` are the parts in the order of their end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = MagicMock()
        self.closed: list[str] = []
        for name, found in list(vars(opening).items()):
            ours = getattr(found, "__module__", "").startswith("pmm.")
            mine = getattr(found, "__module__", "") == opening.__name__
            if callable(found) and ours and not mine and name not in _REAL:
                monkeypatch.setattr(opening, name, getattr(self.calls, name))
        for name in _OPENED:
            self.made(name).close.side_effect = lambda name=name: self.closed.append(name)
        self.settings: Any = MagicMock()

    def maker(self, name: str) -> Any:
        made_by = {
            "Scene": self.calls.Scene.find,
            "KnownOrders": self.calls.KnownOrders.of,
            "PendingDesk": self.calls.PendingDesk.of,
        }
        return made_by.get(name, getattr(self.calls, name))

    def made(self, name: str) -> Any:
        return self.maker(name).return_value

    def called(self) -> list[str]:
        return [name.split(".")[0].removesuffix("()") for name, _, _ in self.calls.mock_calls]


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> Makers:
    return Makers(monkeypatch)


def test_open__every_part__is_opened_in_order_and_kept(makers: Makers) -> None:
    assert opening.open_desk(makers.settings) is makers.made("Desk")
    called = makers.called()
    order = [called.index(name) for name in _OPENED]
    assert order == sorted(order)
    assert makers.closed == []
    kept = makers.calls.Desk.call_args.kwargs["opened"]
    kept.close()
    assert makers.closed == [*reversed(_OPENED)]


def test_open__ledger_of_a_running_desk__is_refused_before_the_operators_place_is_taken(
    makers: Makers,
) -> None:
    makers.calls.open_ledger.side_effect = SetupError("another desk uses the ledger")
    with pytest.raises(SetupError, match="another desk"):
        opening.open_desk(makers.settings)
    assert makers.closed == ["Scene"]
    makers.calls.operator_key.assert_not_called()
    makers.calls.make_guardian.assert_not_called()


def test_open__key_of_another_operator__is_refused_before_it_becomes_guardian(makers: Makers) -> None:
    makers.calls.operator_key.side_effect = UnsafeToSign("not the operator")
    with pytest.raises(UnsafeToSign, match="not the operator"):
        opening.open_desk(makers.settings)
    assert makers.closed == ["open_ledger", "Scene"]
    makers.calls.make_guardian.assert_not_called()


@pytest.mark.parametrize("failing", [*_OPENED[1:], "Desk"])
def test_open__a_part_fails__what_was_opened_is_closed_and_its_error_raised(
    makers: Makers, failing: str
) -> None:
    makers.maker(failing).side_effect = InvalidInput(f"no {failing}")
    makers.made("Scene").settings.desk.console = "/named"
    # One that cannot be closed hides neither the reason nor the others.
    makers.made("Scene").close.side_effect = RuntimeError("cannot be closed")
    with pytest.raises(InvalidInput, match=f"no {failing}"):
        opening.open_desk(makers.settings)
    before = [*_OPENED, "Desk"].index(failing)
    assert makers.closed == [*reversed(_OPENED[1:before])]


def test_parts__several_cannot_be_closed__all_are_tried_and_the_first_failure_is_raised() -> None:
    closed: list[str] = []

    class Part:
        def __init__(self, name: str, error: BaseException | None = None) -> None:
            self._name, self._error = name, error

        def close(self) -> None:
            closed.append(self._name)
            if self._error is not None:
                raise self._error

    opened = OpenedParts()
    for part in (Part("a", ValueError("a")), Part("b"), Part("c", KeyboardInterrupt()), Part("d")):
        assert opened.keep(part) is part
    with pytest.raises(KeyboardInterrupt):
        opened.close()
    assert closed == ["d", "c", "b", "a"]
    opened.close()
    assert len(closed) == 4
