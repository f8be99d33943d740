"""Response times from the quote server's own histogram, and what is said where it tells none."""

import httpx
import pytest
import structlog

from pmm.desk.availability import QuoteServerWatch
from pmm.desk.response_times import ResponseTimes
from pmm.execution import Stage
from pmm.monitoring.metrics import Metrics
from pmm.risk.events import AvailabilitySeen, RequestAnswered

_MS = 1_000_000


def exposition(metrics: Metrics) -> str:
    return metrics.exposition().decode()


def served(*took_ms: int) -> Metrics:
    """The metrics of a server that answered so fast."""
    metrics = Metrics()
    for one in took_ms:
        metrics._observe(Stage.TOTAL, one * _MS)
        metrics._observe(Stage.SIGN, 900 * _MS)
    return metrics


def test_look__answers_between_two_looks__are_their_mean_and_count() -> None:
    times, metrics = ResponseTimes(), served(100)
    assert times.look(exposition(metrics), 1) is None, "what was before the first look is of no known time"
    for one in (2, 4, 9):
        metrics._observe(Stage.TOTAL, one * _MS)
    assert times.look(exposition(metrics), 2) == RequestAnswered(2, 5_000, 3)
    assert times.look(exposition(metrics), 3) is None


def test_look__server_began_anew__counts_from_zero() -> None:
    times = ResponseTimes()
    times.look(exposition(served(100, 100)), 1)
    assert times.look(exposition(served(8)), 2) == RequestAnswered(2, 8_000, 1)


@pytest.mark.parametrize("text", ["", "up 1\n", "# EOF\n"])
def test_look__nothing_measured__is_nothing(text: str) -> None:
    assert ResponseTimes().look(text, 1) is None


def watch_of(status: int, metrics: Metrics, key: str = "secret") -> QuoteServerWatch:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz":
            assert "X-API-Key" not in request.headers
            return httpx.Response(200)
        assert request.headers["X-API-Key"] == key
        return httpx.Response(status, text=exposition(metrics))

    client = httpx.Client(transport=httpx.MockTransport(handle))
    return QuoteServerWatch("http://desk", clock_ms=lambda: 7, client=client, key=key)


def test_watch__with_a_key__tells_response_times_once() -> None:
    metrics = served()
    watch = watch_of(200, metrics)
    watch.look()
    metrics._observe(Stage.TOTAL, 3 * _MS)
    watch.look()
    told = watch.drain(stopped_by_us=False)
    assert told == [*[AvailabilitySeen(7, answering=True)] * 2, RequestAnswered(7, 3_000, 1)]
    assert watch.drain(stopped_by_us=False) == []


def test_watch__metrics_refused__says_so_once_without_the_key() -> None:
    watch = watch_of(403, served(1))
    with structlog.testing.capture_logs() as said:
        watch.look()
        watch.look()
    assert [one["event"] for one in said] == ["response_times_unknown"]
    assert "403" in said[0]["why"]
    assert "secret" not in str(said)
