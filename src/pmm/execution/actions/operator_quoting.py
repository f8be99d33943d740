"""Stops and resumes a running quote server over its operator API, under a name of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import httpx

from pmm.errors import ChainError, SetupError
from pmm.execution.actions.board_quoting import Shape
from pmm.execution.actions.operator_client import OperatorClient

_SWITCHES: Final = "/switches"
_MARK: Final = "risk: "
"""Begins the reason of every pause of ours; only such a pause is ever lifted."""
_TRIES: Final = 3


class OperatorQuoting:
    """Quoting of one server. ``repr`` shows no key.

    The global switch is latched with our mark. A pause by a person is neither replaced nor lifted: stopping finds it
    stopped already, resuming leaves it. ``shape`` is whoever can set sizes, spreads and skew of that server.
    """

    def __init__(self, url: str, key: str, shape: Shape, *, client: httpx.Client | None = None) -> None:
        self._server = OperatorClient(url, key, client=client)
        self._url = self._server.url
        self._shape = shape

    def __repr__(self) -> str:
        return f"OperatorQuoting({self._url})"

    def stop(self, reason: str) -> str:
        """Latch the global switch; raises SetupError when the server does not answer or refuses."""
        return self._change("pause", lambda switch: not switch["paused_by"], _MARK + reason)

    def resume(self, step: str) -> str:
        """Lift our latch; one of a person's stays. Raises as above."""
        return self._change(
            "resume",
            lambda switch: bool(switch["paused_by"]) and switch["reason"].startswith(_MARK),
            f"{_MARK}step {step}",
        )

    def cut_sizes(self, size_bps: int) -> str:
        """Quote this part of the normal sizes."""
        return self._shape("size_bps", size_bps)

    def widen(self, spread_addon_bps: float) -> str:
        """Add this to every half-spread."""
        return self._shape("spread_addon_bps", spread_addon_bps)

    def skew(self, asset: str, skew_bps: float) -> str:
        """Shift both prices of an asset."""
        return self._shape(f"skew_bps:{asset}", skew_bps)

    def _change(self, verb: str, wanted: Callable[[dict[str, Any]], bool], reason: str) -> str:
        for _ in range(_TRIES):
            switch = self._global()
            if not wanted(switch):
                return f"nothing to {verb}: latched by {switch['paused_by'] or 'nobody'}"
            body = {"level": "global", "name": "*", "version": switch["version"], "reason": reason[:200]}
            answer = self._server.ask("POST", f"{_SWITCHES}/{verb}", body)
            if answer.status_code == httpx.codes.CONFLICT:
                continue  # somebody changed it meanwhile: look again
            if answer.is_success:
                return f"{verb}d, version {answer.json()['version']}"
            raise SetupError(
                f"expected the quote server at {self._url} to {verb}, it answered {answer.status_code}; check its "
                "log and the role of the key"
            )
        raise SetupError(
            f"expected to {verb} {self._url}, somebody else changed the switch {_TRIES} times; look at it"
        )

    def _global(self) -> dict[str, Any]:
        answer = self._server.ask("GET", _SWITCHES)
        if not answer.is_success:
            raise SetupError(
                f"expected the switches of {self._url}, it answered {answer.status_code}; check the key"
            )
        for one in answer.json()["switches"]:
            if one["level"] == "global":
                return {"version": one["version"], "paused_by": one["latchedBy"], "reason": one["reason"]}
        return {"version": 0, "paused_by": None, "reason": ""}


class SignerStop:
    """Voids the quotes of some signers through whoever may stop them on chain."""

    def __init__(self, stop: Callable[[str, str], str], signers: tuple[str, ...]) -> None:
        self._stop = stop
        self._signers = signers

    def cancel_all(self, command_id: str = "") -> str:
        """Void them all; raises ChainError with those that failed, after trying every one."""
        sent, failed = [], []
        for signer in self._signers:
            try:
                sent.append(self._stop(signer, "cancel"))
            except ChainError as error:
                failed.append(f"{signer}: {error}")
        if failed:
            raise ChainError(f"expected to void the orders of every signer, failed for {'; '.join(failed)}")
        return f"voided in {', '.join(sent)}"
