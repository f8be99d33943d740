"""The small JSON-RPC client: what a provider's key must never be in."""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from collections.abc import Iterator

import pytest

from pmm.chain.rpc import JsonRpc, NodeUnreachable, RpcError
from pmm.errors import ChainError
from tests.helpers.http_site import Answer, Site, http_site

KEY = "k3y-that-nobody-may-see"


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as running:
        yield running


@pytest.fixture
def every_log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    talkative = logging.getLogger("httpx")
    own = talkative.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # Another part may have silenced it: this one must be silent by itself.
    talkative.setLevel(logging.DEBUG)
    yield written
    talkative.setLevel(own)
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    "answer",
    [
        Answer.of({"jsonrpc": "2.0", "id": 1, "result": "0x1"}),
        Answer.of({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": f"no project {KEY}"}}),
        Answer.of({"jsonrpc": "2.0", "id": 1, "error": f"no project {KEY}"}),
        Answer.of(f"no project {KEY}"),
        Answer(status=401, body=f"no project {KEY}".encode()),
        Answer(delay_s=0.5),
    ],
)
def test_call__keyed_address__is_in_no_log_and_no_error(
    answer: Answer, site: Site, every_log: io.StringIO
) -> None:
    site.usual = answer
    shown = []
    with JsonRpc(f"{site.url}/v3/{KEY}?apikey={KEY}", timeout_s=0.2) as rpc:
        for ask in (lambda: rpc.call("eth_chainId"), lambda: rpc.batch([("eth_chainId", ())])):
            try:
                ask()
            except ChainError as error:
                shown.append("".join(traceback.format_exception(error)))
    assert [one.path for one in site.asked] == [f"/v3/{KEY}?apikey={KEY}"] * 2
    assert KEY not in every_log.getvalue()
    assert KEY not in "".join(shown)


def test_call__node_is_gone__is_unreachable_without_the_key(every_log: io.StringIO) -> None:
    with (
        JsonRpc(f"http://127.0.0.1:1/v3/{KEY}", timeout_s=1) as rpc,
        pytest.raises(NodeUnreachable) as caught,
    ):
        rpc.call("eth_chainId")
    assert "http://127.0.0.1:1" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + every_log.getvalue()


def test_call__user_and_password_in_the_address__are_sent_as_a_header(site: Site) -> None:
    site.usual = Answer.of({"jsonrpc": "2.0", "id": 1, "result": "0x1"})
    with JsonRpc(site.url.replace("//", f"//desk:{KEY}@"), timeout_s=1) as rpc:
        assert rpc.call("eth_chainId") == "0x1"
    assert site.asked[0].headers["authorization"] == (
        "Basic " + base64.b64encode(f"desk:{KEY}".encode()).decode()
    )
    assert json.loads(site.asked[0].body)["method"] == "eth_chainId"


def test_call__refused__tells_code_and_revert_data(site: Site) -> None:
    refusal = {"code": 3, "message": "execution reverted", "data": "0x1234"}
    site.usual = Answer.of({"jsonrpc": "2.0", "id": 1, "error": refusal})
    with JsonRpc(site.url, timeout_s=1) as rpc, pytest.raises(RpcError, match="reverted") as caught:
        rpc.call("eth_call")
    assert (caught.value.code, caught.value.data) == (3, "0x1234")


@pytest.mark.parametrize("answers", [["x"], [None], [[]], [{"id": {}}], "x", [], [{"id": 1}, {"id": 2}]])
def test_batch__nonsense__raises_chain_errors_only(answers: object, site: Site) -> None:
    site.usual = Answer.of(answers)
    with JsonRpc(site.url, timeout_s=1) as rpc, pytest.raises(ChainError):
        rpc.batch([("eth_chainId", ())])
