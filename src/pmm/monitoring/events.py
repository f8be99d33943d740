"""One function per thing that happens; each logs and counts it.

No line holds a signature, an order or its amounts: who reads the log could fill, or trade against us.
"""

from __future__ import annotations

from typing import Any

import structlog

from pmm.domain import RefusalReason
from pmm.monitoring.metrics import Metrics

_LOG = structlog.get_logger()
# Refusals that a market maker's operator wants to see at once; the others are everyday business.
_LOUD = frozenset({RefusalReason.JOURNAL_UNAVAILABLE, RefusalReason.UNSAFE_TO_SIGN})


class Events:
    """The domain's events. Implements ``AccessWatch``."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        # Bound once, after the logs were set up: an unbound logger is put together anew for every line.
        self._log = _LOG.bind()

    def quote_signed(self, *, quote_id: str, relayer: str, funding: str) -> None:
        """A firm quote is on its way."""
        self.metrics.quotes.count(relayer, "signed", "")
        self._log.debug("quote_signed", quote_id=quote_id, relayer=relayer, funding=funding)

    def quote_refused(self, *, quote_id: str, relayer: str, reason: RefusalReason, detail: str) -> None:
        """A request got a reason instead of a quote."""
        self.metrics.quotes.count(relayer, "refused", reason.value)
        log = self._log.error if reason in _LOUD else self._log.debug
        log("quote_refused", quote_id=quote_id, relayer=relayer, reason=reason.value, detail=detail)

    def request_unreadable(self, *, quote_id: str, relayer: str, code: str) -> None:
        """A request was none."""
        self.metrics.quotes.count(relayer, "unreadable", code)
        self._log.debug("request_unreadable", quote_id=quote_id, relayer=relayer, code=code)

    def ladder_published(self, *, directions: int) -> None:
        """A ladder went out."""
        self.metrics.ladders.labels("published", "").inc()
        self._log.debug("ladder_published", directions=directions)

    def ladder_refused(self, *, reason: RefusalReason, detail: str) -> None:
        """No ladder went out."""
        self.metrics.ladders.labels("refused", reason.value).inc()
        self._log.debug("ladder_refused", reason=reason.value, detail=detail)

    def refused(self, *, path: str, code: str) -> None:
        """A request was refused at the door."""
        self.metrics.access_refused.labels(code).inc()
        self._log.info("access_refused", path=path[:100], code=code)

    def key_file_fault(self, fault: str) -> None:
        """The key file changed and cannot be read; the old keys stand."""
        self._log.error("key_file_fault", fault=fault)

    def switch_changed(
        self, *, level: str, name: str, who: str, why: str, paused: bool, version: int
    ) -> None:
        """A kill switch changed."""
        self.metrics.switch_changes.labels(level, "pause" if paused else "resume").inc()
        self._log.warning(
            "switch_changed", level=level, name=name, who=who, why=why, paused=paused, version=version
        )

    def shape_changed(
        self, *, what: str, name: str, setter: str, who: str, why: str, value: str, version: int
    ) -> None:
        """An operator, or the risk desk, shaped quotes."""
        self.metrics.shape_changes.labels(what, setter).inc()
        self._log.warning(
            "shape_changed",
            what=what,
            name=name,
            setter=setter,
            who=who,
            why=why,
            value=value,
            version=version,
        )

    def pre_trade_changed(self, *, condition: str) -> None:
        """The risk desk's state began to count, grew too old, or stopped quotes."""
        log = self._log.info if condition == "open" else self._log.warning
        log("pre_trade_changed", condition=condition)

    def switch_fault(self, fault: str) -> None:
        """A kill switch could not be written."""
        self._log.error("switch_fault", fault=fault)

    def settings_reloaded(self, *, who: str, changed: dict[str, Any]) -> None:
        """New settings are in force. ``changed`` holds names and shown values only."""
        self.metrics.reloads.labels("applied").inc()
        self._log.warning("settings_reloaded", who=who, changed=changed)

    def reload_refused(self, *, who: str, fault: str) -> None:
        """New settings were refused; the old ones stand."""
        self.metrics.reloads.labels("refused").inc()
        self._log.error("reload_refused", who=who, fault=fault)
