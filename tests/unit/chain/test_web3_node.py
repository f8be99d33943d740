"""A node that answers nonsense or not at all: our errors only, and never its provider's key."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from pmm.chain.market_reader import identify
from pmm.chain.rpc import NodeUnreachable
from pmm.chain.web3_node import Web3Node
from pmm.errors import ChainError
from tests.helpers.quoting import MAKER


class _Transport(requests.adapters.BaseAdapter):
    """Answers every request with the same bytes and status."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__()
        self._body = body
        self._status = status

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = self._status
        response._content = self._body
        response.request = request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'[{"id": 0}]',
        b'{"error": {"code": 1}}',
        b"5",
        b"[null, null]",
        b'["oops", "oops"]',
        b"[[], []]",
        b'[{"id": null}, {"id": 1}]',
        b'{"jsonrpc": "2.0", "id": 1, "result": null}',
        b'"SECRETKEY"',
    ],
)
def test_web3_node__nonsense__raises_chain_errors_only(body: bytes) -> None:
    node = Web3Node("http://test", timeout_s=1)
    node._session.mount("http://", _Transport(body))
    with pytest.raises(ChainError):
        node.batch([("eth_chainId", ()), ("eth_gasPrice", ())])
    with pytest.raises(ChainError):
        node.call(MAKER, b"")
    with pytest.raises(ChainError):
        node.multicall([(MAKER, b"")], block="latest")


_KEYED_URL = "http://user:PASSWORD@127.0.0.1:1/v3/SECRETKEY?apikey=QUERYKEY"


_KEYS = ("SECRETKEY", "QUERYKEY", "PASSWORD")


def _outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except ChainError as error:
        return error


@pytest.mark.parametrize("status", [200, 401, 429, 500])
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[null]", b'"SECRETKEY"', b'[{"error": "no project SECRETKEY"}]', b"SECRETKEY"]
)
def test_web3_node__address_with_a_key__is_in_no_message(status: int, body: bytes) -> None:
    node = Web3Node(_KEYED_URL, timeout_s=1)
    node._session.mount("http://", _Transport(body, status))
    for ask in (
        lambda: node.batch([("eth_chainId", ())]),
        lambda: node.call(MAKER, b""),
        lambda: identify(node),
    ):
        answer = _outcome(ask)
        assert not any(key in repr(answer) for key in _KEYS)


def test_web3_node__keyed_address_without_a_node__shows_the_host_only() -> None:
    node = Web3Node(_KEYED_URL, timeout_s=1)
    for ask in (lambda: node.batch([("eth_chainId", ())]), lambda: node.call(MAKER, b"")):
        with pytest.raises(NodeUnreachable, match=r"from http://127\.0\.0\.1:1, found") as caught:
            ask()
        assert not any(key in repr(caught.value) for key in _KEYS)


def test_web3_node__nobody_there__raises_unreachable() -> None:
    node = Web3Node("http://127.0.0.1:1", timeout_s=1)
    with pytest.raises(NodeUnreachable, match="check that the node runs"):
        node.batch([("eth_chainId", ())])
    with pytest.raises(NodeUnreachable, match="check that the node runs"):
        node.call(MAKER, b"")
