"""Uptime as takers would see it: a stop of the desk's own counts as up, silence as down."""

import httpx
import pytest

from pmm.desk.availability import QuoteServerWatch
from pmm.risk.engine import RiskEngine
from pmm.risk.events import AvailabilitySeen
from pmm.risk.settings import RiskSettings


def _watch(answer: httpx.Response | Exception) -> QuoteServerWatch:
    def handle(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://desk/healthz"
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(handle))
    return QuoteServerWatch("http://desk/", clock_ms=lambda: 7, client=client)


@pytest.mark.parametrize(
    ("answer", "stopped", "answering"),
    [
        (httpx.Response(200), False, True),
        (httpx.Response(503), False, False),
        (httpx.Response(503), True, True),
        (httpx.Response(500), True, False),
        (httpx.ConnectError("nobody there"), True, False),
        (httpx.ReadTimeout("slow"), False, False),
    ],
)
def test_look__answer__says_whether_a_taker_would_be_answered(
    answer: httpx.Response | Exception, *, stopped: bool, answering: bool
) -> None:
    watch = _watch(answer)
    watch.look()
    assert watch.drain(stopped_by_us=stopped) == [AvailabilitySeen(7, answering)]
    assert watch.drain(stopped_by_us=stopped) == []
    watch.close()


def test_start__closed_at_once__has_looked() -> None:
    watch = _watch(httpx.Response(200))
    watch.start()
    watch.close()
    assert watch.drain(stopped_by_us=False) == [AvailabilitySeen(7, answering=True)]


@pytest.mark.parametrize("watched", [True, False])
def test_engine__no_server_to_watch__knows_of_no_uptime(*, watched: bool) -> None:
    engine = RiskEngine(RiskSettings(), None if watched else {"uptime_pct": ()})
    found = {reading.metric.name for reading in engine.tick(1_000)}
    assert ("uptime_pct" in found) is watched
