"""Stops all quoting while the node answers slowly, and voids what is out where the settings ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from pmm.errors import InvalidInput, PmmError, SetupError
from pmm.execution import NodeIdentity
from pmm.execution.kill_switches import EVERYTHING
from pmm.pricing.latency_gate import LatencyChange, LatencyPolicy
from pmm.server.switch_board import SwitchBoard
from pmm.settings import ServeSettings

_LOG = structlog.get_logger()
CAUSE: Final = "latency: the node answers too slowly"


class FeedWatch:
    """Takes the time of each reading of the market; belongs to the event loop.

    Args:
        board: its global switch is tripped, with a cause of its own that comes and goes.
        gate: takes a time in microseconds and says what must be done about it; None takes no notice of any reading.
        void: voids the live quotes on chain and returns the transaction; called on a thread, may raise PmmError.
            None leaves them to their expiry.
    """

    def __init__(
        self,
        board: SwitchBoard,
        gate: Callable[[int], LatencyChange] | None,
        *,
        void: Callable[[], str] | None = None,
    ) -> None:
        self._board = board
        self._gate = gate
        self._void = void
        self._voiding: asyncio.Task[None] | None = None

    def observe(self, round_trip_us: int) -> None:
        """Take a reading's time in microseconds, also of one that failed: the time it was waited for."""
        if self._gate is None:
            return
        change = self._gate(round_trip_us)
        if change is LatencyChange.CANCEL_OUTSTANDING:
            self._board.trip(EVERYTHING, CAUSE)
            _LOG.warning("feed_slow", last_reading_ms=round_trip_us // 1_000)
            if self._void is not None and (self._voiding is None or self._voiding.done()):
                self._voiding = asyncio.ensure_future(self._cancel_outstanding(self._void))
        elif change is LatencyChange.RESUME:
            self._board.clear(EVERYTHING, CAUSE)
            _LOG.info("feed_back", last_reading_ms=round_trip_us // 1_000)

    @staticmethod
    async def _cancel_outstanding(void: Callable[[], str]) -> None:
        try:
            transaction = await asyncio.to_thread(void)
        except PmmError as error:
            # They expire within the time to live all the same.
            _LOG.error("cancel_failed", error=str(error))
        else:
            _LOG.warning("quotes_cancelled", transaction=transaction)


def feed_policy(settings: ServeSettings, identity: NodeIdentity) -> LatencyPolicy | None:
    """Return when a slow node stops quoting, None for never; raise InvalidInput where it could not go on.

    A development node stands beside the server and fetches its state as it goes: by default it may take its time.
    """
    switches = settings.switches
    stop_ms = switches.feed_stop_ms
    if stop_ms is None:
        stop_ms = 0 if identity.development else LatencyPolicy().stop_ms
    if stop_ms == 0:
        return None
    if switches.feed_resume_ms > stop_ms:
        raise InvalidInput(
            f"expected PMM_SWITCHES_FEED_RESUME_MS of at most the {stop_ms} ms at which quoting stops, "
            f"found {switches.feed_resume_ms}"
        )
    return LatencyPolicy(stop_ms=stop_ms, resume_ms=switches.feed_resume_ms)


def open_feed_watch(
    settings: ServeSettings,
    identity: NodeIdentity,
    *,
    board: SwitchBoard,
    gate: Callable[[int], LatencyChange],
    void: Callable[[], str] | None,
) -> FeedWatch:
    """Return the watch that the settings ask for.

    Raises SetupError where live quotes are to be voided and nobody can, InvalidInput as :func:`feed_policy`.
    """
    if feed_policy(settings, identity) is None:
        return FeedWatch(board, None)
    if settings.switches.feed_cancels and void is None:
        raise SetupError(
            "expected PMM_SWITCHES_GUARDIAN_KEYSTORE, whose key voids live quotes on chain when the node is slow, "
            "found none; set it, or PMM_SWITCHES_FEED_CANCELS=0"
        )
    return FeedWatch(board, gate, void=void if settings.switches.feed_cancels else None)
