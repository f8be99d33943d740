"""Tells one quote server the desk's risk over its operator API, from a thread of its own: no turn waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import httpx
import structlog

from pmm.chain.rpc import shown_url
from pmm.errors import SetupError
from pmm.monitoring.desk import RiskEvents
from pmm.risk.pre_trade import PreTradeState
from pmm.settings_sections import DeskSettings

_TIMEOUT_S: Final = 1.0
"""A state that takes longer is better replaced by the next."""
_DIGITS: Final = ".9g"
_LOG = structlog.get_logger()


class PreTradeTeller:
    """Sends the newest state, which the role ``risk`` may; older ones that wait are dropped. ``repr`` shows no key.

    ``on_told`` is called with whether the server took it, from the thread.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        on_told: Callable[[bool], None] = lambda _: None,
        client: httpx.Client | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._on_told = on_told
        self._wake = threading.Condition()
        self._next: PreTradeState | None = None
        self._ended = False
        self._told: bool | None = None
        self._thread = threading.Thread(target=self._run, name="pre-trade-teller", daemon=True)

    def __repr__(self) -> str:
        return f"PreTradeTeller({self._url})"

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Send no more; waits for what is under way."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def tell(self, state: PreTradeState) -> None:
        """Hand a state over; returns at once."""
        with self._wake:
            self._next = state
            self._wake.notify()

    def send(self, state: PreTradeState) -> None:
        """Send a state now; raises SetupError when the server does not answer or refuses."""
        try:
            answer = self._client.put(
                f"{self._url}/v1/operator/pre-trade", json=pre_trade_json(state), headers=self._headers
            )
        except httpx.HTTPError as error:
            raise SetupError(
                f"expected the quote server at {self._url} to take the risk state, found: {type(error).__name__}; "
                "start it or correct its address"
            ) from error
        if not answer.is_success:
            raise SetupError(
                f"expected the quote server at {self._url} to take the risk state, it answered {answer.status_code}: "
                f"{answer.text[:300]}; check the key's role and both clocks"
            )

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._ended or self._next is not None)
                state, self._next = self._next, None
                if self._ended:
                    return
            if state is not None:
                self._tell(state)

    def _tell(self, state: PreTradeState) -> None:
        trouble: str | None = None
        try:
            self.send(state)
        except SetupError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a server answers, the next state must leave
            trouble = f"{type(error).__name__} from the quote server at {self._url}"
        told, before = trouble is None, self._told
        self._told = told
        self._on_told(told)
        # A line for each change, not for each state.
        if told is before:
            return
        if trouble is None:
            _LOG.info("pre_trade_told", url=self._url)
        else:
            _LOG.warning("pre_trade_not_told", url=self._url, why=trouble)


def tellers_of(desk: DeskSettings, events: RiskEvents) -> tuple[PreTradeTeller, ...]:
    """Return who tells the quote server and each of its replicas; none without one."""
    key = desk.quote_server_key.get_secret_value() if desk.quote_server_key else ""
    urls = [] if desk.quote_server_url is None else [desk.quote_server_url, *desk.quote_replicas]
    return tuple(
        PreTradeTeller(url, key, on_told=partial(events.pre_trade_sent, server=shown_url(url)))
        for url in dict.fromkeys(urls)
    )


def pre_trade_json(state: PreTradeState) -> dict[str, Any]:
    """Return a state as the operator API takes it: covariances as rows of the lower triangle, nine digits."""
    tokens = list(state.assets)
    known = state.var_limit_usd is not None
    return {
        "madeAtMs": state.made_at_ms,
        "validMs": state.valid_ms,
        "blockNumber": state.block_number,
        "stopped": state.stopped,
        "maxQuoteUsdE6": state.max_quote_usd_e6,
        "assets": [
            {
                "token": token,
                "deltaUsdE6": risk.delta_usd_e6,
                "limitUsdE6": risk.limit_usd_e6,
                "slope": risk.slope,
                "covariance": [
                    float(format(risk.row.get(other, 0.0), _DIGITS)) for other in tokens[: number + 1]
                ]
                if known
                else [],
            }
            for number, (token, risk) in enumerate(state.assets.items())
        ],
        "numeraires": sorted(state.numeraires),
        "variance": state.variance,
        "varLimitUsd": state.var_limit_usd,
    }
