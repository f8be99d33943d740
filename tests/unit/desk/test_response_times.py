"""Response times from the quote server's own histogram, and what is said where it tells none."""

from collections.abc import Iterator
from unittest.mock import patch

import httpx
import pytest
import structlog

from pmm.desk.availability import QuoteServerWatch
from pmm.desk.response_times import BadPage, ResponseTimes
from pmm.execution import Stage
from pmm.monitoring.metrics import Metrics
from pmm.risk.events import AvailabilitySeen, RequestAnswered

_MS = 1_000_000


def exposition(metrics: Metrics) -> str:
    return metrics.exposition().decode()


def passed(metrics: Metrics, stage: Stage, took_ms: int) -> None:
    """Let a stage take so long, to the nanosecond."""
    with patch("pmm.monitoring.hot_metrics.perf_counter_ns", return_value=took_ms * _MS):
        metrics.took(stage, 0)


def served(*took_ms: int) -> Metrics:
    """The metrics of a server that answered so fast."""
    metrics = Metrics()
    for one in took_ms:
        passed(metrics, Stage.TOTAL, one)
        passed(metrics, Stage.SIGN, 900)
    return metrics


def test_look__answers_between_two_looks__are_their_mean_and_count() -> None:
    times, metrics = ResponseTimes(), served(100)
    assert times.look(exposition(metrics), 1) is None, "what was before the first look is of no known time"
    for one in (2, 4, 9):
        passed(metrics, Stage.TOTAL, one)
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
    passed(metrics, Stage.TOTAL, 3)
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


# ------------------------------------------------------------------------- pages that mean no good

_COUNT, _SUM = "pmm_stage_seconds_count", "pmm_stage_seconds_sum"


def _page(count: str, seconds: str, more: str = "") -> str:
    return (
        "# TYPE pmm_stage_seconds histogram\n"
        f'{_COUNT}{{stage="total"}} {count}\n{_SUM}{{stage="total"}} {seconds}\n{more}'
    )


@pytest.mark.parametrize(
    "text",
    [
        _page("NaN", "1"),
        _page("4", "NaN"),
        _page("+Inf", "1"),
        _page("4", "+Inf"),
        _page("-1", "1"),
        _page("4", "-1"),
        _page("4.5", "1"),
        _page("1e300", "1"),
        _page("4", "1e300"),
        _page("0", "1"),
        _page("4", "1", f'{_COUNT}{{stage="total"}} 9\n'),
        _page("many", "1"),
        "<html>{{{</html>\n",
        'pmm_stage_seconds_count{stage="total\n',
        "\x00\xff{" * 1_000,
    ],
    ids=range(15),
)
def test_look__page_that_cannot_be__is_refused_and_the_next_goes_on_from_before(text: str) -> None:
    times = ResponseTimes()
    times.look(_page("2", "1"), 1)
    with pytest.raises(BadPage):
        times.look(text, 2)
    assert times.look(_page("4", "2"), 3) == RequestAnswered(3, 500_000, 2)


def test_look__more_answers_in_less_time__are_those_of_a_server_that_began_anew() -> None:
    times = ResponseTimes()
    times.look(_page("2", "10"), 1)
    assert times.look(_page("4", "2"), 2) == RequestAnswered(2, 500_000, 4)


class _Drip(httpx.SyncByteStream):
    """A page without an end; the clock goes on by ``pause_s`` with each part."""

    def __init__(self, part: bytes, pause_s: float) -> None:
        self.part, self.pause_s, self.now_s, self.sent, self.closed = part, pause_s, 0.0, 0, False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.now_s += self.pause_s
            self.sent += len(self.part)
            yield self.part

    def close(self) -> None:
        self.closed = True


def _watch_of_page(stream: _Drip, *, hostile_health: bool = False) -> QuoteServerWatch:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz" and not hostile_health:
            return httpx.Response(200)
        return httpx.Response(200, stream=stream)

    client = httpx.Client(transport=httpx.MockTransport(handle))
    key = "" if hostile_health else "secret"
    return QuoteServerWatch(
        "http://desk", clock_ms=lambda: 7, client=client, key=key, monotonic_s=lambda: stream.now_s
    )


@pytest.mark.parametrize(
    ("part", "pause_s", "found"),
    [(b"x" * 65_536, 0.0, "more than 4,194,304 bytes"), (b"x", 0.5, "did not end in 4 s")],
)
def test_watch__page_without_end__is_left_with_a_warning_and_uptime_is_told(
    part: bytes, pause_s: float, found: str
) -> None:
    stream = _Drip(part, pause_s)
    watch = _watch_of_page(stream)
    with structlog.testing.capture_logs() as logs:
        watch.look()
        watch.look()
    (warning,) = logs
    assert (warning["event"], warning["log_level"]) == ("response_times_unknown", "warning")
    assert found in warning["why"]
    assert stream.sent <= 2 * (4 * 1024 * 1024 + 65_536)
    assert stream.closed
    assert watch.drain(stopped_by_us=False) == [AvailabilitySeen(7, answering=True)] * 2
    watch.close()


def test_watch__health_without_end__is_not_read() -> None:
    stream = _Drip(b"x" * 65_536, 1.0)
    watch = _watch_of_page(stream, hostile_health=True)
    watch.look()
    assert watch.drain(stopped_by_us=False) == [AvailabilitySeen(7, answering=True)]
    assert stream.sent == 0
    watch.close()
