"""Stopping a quote server over its own operator API, beside a person who uses the same switch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from pmm.errors import SetupError
from pmm.execution.actions import OperatorQuoting
from pmm.execution.kill_switches import EVERYTHING
from tests.unit.server.test_operator_api import Site, open_site


class ToSite(httpx.BaseTransport):
    """A connection to the application itself, without a socket."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._site.app)
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(
                    request.method, request.url, content=request.content, headers=dict(request.headers)
                )

        answer = asyncio.run(run())
        return httpx.Response(
            answer.status_code, content=answer.content, headers={"content-type": "application/json"}
        )


def quoting(site: Site, role: str) -> OperatorQuoting:
    client = httpx.Client(transport=ToSite(site), base_url="http://test")
    return OperatorQuoting(
        "http://test", site.keys[role], lambda what, value: f"{what} {value}", client=client
    )


def test_stop_and_resume__over_http__latch_and_lift_our_own(tmp_path: Path) -> None:
    site = open_site(tmp_path)
    ours = quoting(site, "risk")
    assert ours.stop("the desk is critical") == "paused, version 1"
    state = site.board.switches.state(EVERYTHING)
    assert state.is_paused
    assert state.reason == "risk: the desk is critical"
    assert ours.stop("the desk is critical").startswith("nothing to pause")
    assert ours.resume("0") == "resumed, version 2"
    assert not site.board.switches.state(EVERYTHING).is_paused
    assert ours.resume("1").startswith("nothing to resume")


def test_resume__person_has_paused__leaves_it(tmp_path: Path) -> None:
    site = open_site(tmp_path)
    site.board.pause(EVERYTHING, version=0, who="trader", why="news")
    ours = quoting(site, "risk")
    assert ours.stop("the desk is critical") == "nothing to pause: latched by trader"
    assert ours.resume("all") == "nothing to resume: latched by trader"
    assert site.board.switches.state(EVERYTHING).latched_by == "trader"


def test_stop__key_without_the_role__is_an_error_without_the_key(tmp_path: Path) -> None:
    site = open_site(tmp_path)
    ours = quoting(site, "viewer")
    with pytest.raises(SetupError, match="answered 403") as caught:
        ours.stop("the desk is critical")
    assert site.keys["viewer"] not in str(caught.value)
    assert site.keys["viewer"] not in repr(ours)


def test_stop__nobody_answers__says_so() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    ours = OperatorQuoting(
        "http://test", "", lambda *_: "", client=httpx.Client(transport=httpx.MockTransport(refuse))
    )
    with pytest.raises(SetupError, match="to answer, found: ConnectError"):
        ours.stop("the desk is critical")
