"""The provider's key stands in the node's address: no answer, journal or log shows it."""

import asyncio
from pathlib import Path

import pytest

from pmm.errors import PmmError
from pmm.journal import read
from tests.fork.server.site import Deployed, fake_node, serving

_KEY = "SECRETKEY0123456789"
_FAULTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("eth_getBlockByNumber", {"error": {"code": 429, "message": f"{_KEY} is over its limit"}}),
    ("eth_getBlockByNumber", {"result": {"number": "0x1", "timestamp": "0x1", "hash": None}}),
    ("eth_call", {"error": {"code": 429, "message": f"{_KEY} is over its limit"}}),
    ("eth_call", {}),
)


def test_order__keyed_node_refuses_then_dies__key_is_nowhere(
    deployed: Deployed, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: dict[str, object] = {}
    shown: list[str] = []
    with (
        fake_node(deployed.rpc.url, answers) as node,
        serving(deployed, journal, rpc_url=f"{node.url}/v3/{_KEY}", max_market_age_ms=1_500) as server,
    ):
        server.quote()
        for method, fault in _FAULTS:
            answers[method] = lambda fault=fault: fault
            server.loop.run_until_complete(asyncio.sleep(1.6))
            server.catch_up()
            assert server.refused() == (503, "node_unavailable")
            shown += [server.ask("GET", page).text for page in ("/levels", "/healthz")]
            shown.append(server.order().text)
            del answers[method]
    shown += [entry.detail for entry in read(journal)]
    shown += list(capsys.readouterr())
    assert any(node.url in text for text in shown)
    assert not any(_KEY in text for text in shown)


def test_serve__keyed_node_is_down__key_is_not_in_the_error(deployed: Deployed, journal: Path) -> None:
    with (
        pytest.raises(PmmError, match=r"from http://127\.0\.0\.1:1,") as caught,
        serving(deployed, journal, rpc_url=f"http://127.0.0.1:1/v3/{_KEY}"),
    ):
        pass
    assert _KEY not in str(caught.value)
