"""The demo's questions to the quote server: a change counts when the server quotes by it, a stop once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from pmm.demo.quote_watch import QuoteWatch, is_calm
from pmm.errors import PmmError
from pmm.risk.posture import Posture

CALM = Posture()
STOPPED = Posture(stopped=True, spread_addon_bps=5.0)
STEP = Posture(step=0, size_bps=1_000, spread_addon_bps=30.0)


class Server:
    """Answers with what it is set to; ``spread`` None: paused."""

    def __init__(self) -> None:
        self.spread: str | None = "0"
        self.skew = "0"
        self.keys: set[str] = set()
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.add(request.headers["X-API-Key"])
        if self.spread is None:
            return httpx.Response(200, json={"quoted": False, "reason": "paused", "offers": []})
        parts = {"half_spread": "5", "operator_spread": self.spread, "operator_skew": self.skew}
        offer = {"makingAmount": "3000000000", "totalBps": "7", "components": parts}
        assert json.loads(request.content)["amount"] == str(10**18)
        return httpx.Response(self.status, json={"quoted": True, "reason": "", "offers": [offer]})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watch(server: Server) -> Iterator[QuoteWatch]:
    made = QuoteWatch("http://test", "secret", transport=httpx.MockTransport(server))
    made.begin(CALM)
    yield made
    made.close()


def test_look__nothing_changes__asks_once_and_says_nothing(server: Server, watch: QuoteWatch) -> None:
    watch.look(CALM)
    assert (len(watch.asked), watch.changes, watch.waits) == (1, [], False)
    assert server.keys == {"secret"}


def test_look__server_is_late__waits_until_it_quotes_by_the_posture(
    server: Server, watch: QuoteWatch
) -> None:
    watch.look(STEP)
    assert watch.waits
    server.spread = "30"
    watch.look(STEP)
    assert not watch.waits
    server.spread = "0"
    watch.look(CALM)
    assert [one.when for one in watch.changes] == ["before", "recovery, step 1", "after"]
    assert "30.00 of them the desk's, sizes 10 %" in watch.changes[1].describe()


def test_look__stop__is_told_once_whatever_stands_beside_it(server: Server, watch: QuoteWatch) -> None:
    watch.look(STOPPED)
    assert watch.waits
    server.spread = None
    watch.look(STOPPED)
    watch.look(Posture(stopped=True))
    assert [one.describe() for one in watch.changes[1:]] == ["critical: no quote (paused)"]


def test_look__skew__counts_with_the_servers(server: Server, watch: QuoteWatch) -> None:
    skewed = Posture(skew_bps={"WETH": 5.0})
    watch.look(skewed)
    assert watch.waits
    server.skew = "-5"
    watch.look(skewed)
    assert watch.changes[-1].when == "warning"
    assert not is_calm(skewed)
    assert is_calm(Posture(size_bps=5_000, skew_bps={"WETH": 0.0}))


def test_begin__server_that_refuses__is_said(server: Server, watch: QuoteWatch) -> None:
    server.status = 401
    with pytest.raises(PmmError, match="expected the quote server"):
        watch.begin(CALM)
