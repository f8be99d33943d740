"""Shapes the quotes of a running quote server over its operator API: the desk's values, beside those of people."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

import httpx

from pmm.errors import SetupError
from pmm.execution.actions.executors import ActionRefused
from pmm.execution.actions.operator_client import OperatorClient

_TRIES: Final = 3
_STEP: Final = Decimal("0.000001")
_SHAPE: Final = "/shape"
_DESK: Final = "desk"
_EVERYTHING: Final = "*"
_SOURCE_OUT_S: Final = 600
"""How long a source is left out; one that is still bad is asked to be left out again."""


class OperatorShaping:
    """Sets the desk's values of one server, which a key of the role ``desk`` may. ``repr`` shows no key.

    Every value is absolute, so that setting it twice is setting it once.
    """

    def __init__(self, url: str, key: str, *, client: httpx.Client | None = None) -> None:
        self._server = OperatorClient(url, key, client=client)
        self._url = self._server.url

    def __repr__(self) -> str:
        return f"OperatorShaping({self._url})"

    def __call__(self, what: str, value: float) -> str:
        """Set ``size_bps``, ``spread_addon_bps`` or ``skew_bps:ASSET``; what ``OperatorQuoting`` asks for.

        Raises SetupError when the server does not answer or refuses.
        """
        kind, _, asset = what.partition(":")
        if kind == "size_bps":
            return self.set("size", _EVERYTHING, str(int(value)))
        if kind == "spread_addon_bps":
            # Up: never narrower than asked for.
            exact = Decimal(repr(value)).quantize(_STEP, rounding=ROUND_CEILING)
            return self.set("spread", _EVERYTHING, format(exact, "f"))
        return self.set("skew", asset, format(Decimal(repr(value)).quantize(_STEP), "f"))

    def switch(self, what: str, command_id: str) -> str:
        """Leave a source of prices outside the chain out; implements ``Failover``.

        Raises ActionRefused for all of them, SetupError as above.
        """
        if what == _EVERYTHING:
            raise ActionRefused(
                "every source that is healthy counts at once, so there is none in use to leave; name the one that is "
                "to be left out"
            )
        return self.set("source", what, "1", reason=f"risk: {command_id}", expires_in_s=_SOURCE_OUT_S)

    def set(
        self,
        what: str,
        name: str,
        value: str,
        *,
        reason: str = "risk: posture of the desk",
        expires_in_s: int | None = None,
    ) -> str:
        """Set one value; raises ActionRefused for one that the server does not know, SetupError as above."""
        for _ in range(_TRIES):
            version, now = self._version(what, name)
            if now is not None and Decimal(now) == Decimal(value) and expires_in_s is None:
                return f"{what} {name} is {now} already, version {version}"
            answer = self._server.ask(
                "PUT",
                _SHAPE,
                {
                    "what": what,
                    "name": name,
                    "setter": _DESK,
                    "value": value,
                    "version": version,
                    "reason": reason[:300],
                    "expiresInS": expires_in_s,
                },
            )
            if answer.status_code == httpx.codes.CONFLICT:
                continue  # somebody changed it meanwhile: look again
            if answer.is_success:
                return f"{what} {name} set to {value}, version {answer.json()['version']}"
            if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
                raise ActionRefused(
                    f"the quote server refused {what} {name}: {answer.json()['error']['message']}"
                )
            raise SetupError(
                f"expected the quote server at {self._url} to set {what} {name}, it answered {answer.status_code}; "
                "check its log, and that the key has the role desk"
            )
        raise SetupError(
            f"expected to set {what} {name} of {self._url}, somebody else changed it {_TRIES} times; look at it"
        )

    def _version(self, what: str, name: str) -> tuple[int, str | None]:
        """Return version and value; no value where it would not last: it expires, or the file has a fault."""
        answer = self._server.ask("GET", _SHAPE)
        if not answer.is_success:
            raise SetupError(
                f"expected the shape of quotes of {self._url}, it answered {answer.status_code}; check the key"
            )
        found = answer.json()
        for one in found["values"]:
            if (one["what"], one["name"], one["setter"]) == (what, name, _DESK):
                lasts = found["fault"] is None and one["expiresAtMs"] is None
                return one["version"], one["value"] if lasts else None
        return 0, None
