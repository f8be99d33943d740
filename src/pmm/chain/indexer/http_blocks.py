"""A node over HTTP: batches of JSON-RPC, a deadline for each whole answer, its key in no message and no log."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar

import httpx
import msgspec

from pmm.chain.indexer.block_source import LogQuery
from pmm.chain.indexer.node_answers import Header, HeaderAnswer, LogAnswer
from pmm.chain.rpc import NodeUnreachable, RpcError, key_parts, shown_url
from pmm.errors import ChainError

_HEADERS_PER_BATCH = 100
# All logs of a mainnet block are about 300 kB.
_BLOCKS_PER_BATCH = 8
_MOST_BYTES = 256 << 20
_SHOWN_LENGTH = 200
_Answer = TypeVar("_Answer")
Observer = Callable[[float, bool], None]
"""Told of every request: how long it took (ms), and whether the node answered as a node does."""


class _Envelope(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


class HttpBlocks:
    """Implements ``BlockSource``. Not thread-safe."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        observe: Observer = lambda _ms, _ok: None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = shown_url(url)
        self._secrets = key_parts(url)
        self._timeout_s = timeout_s
        self._observe = observe
        self._clock = clock
        # Without httpx's client, which writes the address of every request to its log.
        self._transport = transport or httpx.HTTPTransport(trust_env=False)
        parts = httpx.URL(url)
        headers = {
            "content-type": "application/json",
            "accept-encoding": "gzip",
            "host": parts.netloc.decode(),
        }
        if parts.userinfo:
            headers["authorization"] = f"Basic {b64encode(parts.userinfo).decode()}"
        self._url, self._headers = parts.copy_with(userinfo=b""), headers
        self._ids = count(1)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def head(self) -> Header:
        """Newest block."""
        return self._known(self._block("latest"), "the newest block")

    def finalised(self) -> int | None:
        """Number of the newest finalised block; None where the node refuses the question or has none."""
        try:
            found = self._block("finalized")
        except RpcError:
            return None
        return found.block.number if found else None

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Blocks of the node's chain by number."""
        found: list[Header | None] = []
        for at in range(0, len(numbers), _HEADERS_PER_BATCH):
            wanted = numbers[at : at + _HEADERS_PER_BATCH]
            calls = [("eth_getBlockByNumber", (hex(number), False)) for number in wanted]
            for number, answer in zip(wanted, self._batch(calls, HeaderAnswer | None), strict=True):
                header = Header(answer) if answer else None
                if header and header.block.number != number:
                    raise ChainError(f"expected block {number} of {self.name}, found {header.block.number}")
                found.append(header)
        return found

    def header(self, block_hash: bytes) -> Header | None:
        """A block by hash."""
        call = ("eth_getBlockByHash", ("0x" + block_hash.hex(), False))
        (answer,) = self._batch([call], HeaderAnswer | None)
        return Header(answer) if answer else None

    def block_logs(self, hashes: Sequence[bytes]) -> list[list[LogAnswer]]:
        """All logs of each block."""
        found: list[list[LogAnswer]] = []
        for at in range(0, len(hashes), _BLOCKS_PER_BATCH):
            calls = [
                ("eth_getLogs", ({"blockHash": "0x" + one.hex()},))
                for one in hashes[at : at + _BLOCKS_PER_BATCH]
            ]
            found += self._batch(calls, list[LogAnswer])
        return found

    def range_logs(self, first: int, last: int, queries: Sequence[LogQuery]) -> list[LogAnswer]:
        """Logs of a range that answer one of the queries."""
        span = {"fromBlock": hex(first), "toBlock": hex(last)}
        answers = self._batch([("eth_getLogs", ({**query, **span},)) for query in queries], list[LogAnswer])
        return [log for answer in answers for log in answer]

    def _block(self, tag: str) -> Header | None:
        (answer,) = self._batch([("eth_getBlockByNumber", (tag, False))], HeaderAnswer | None)
        return Header(answer) if answer else None

    def _known(self, header: Header | None, what: str) -> Header:
        if header is None:
            raise ChainError(f"expected {what} from {self.name}, found none")
        return header

    def _batch(self, calls: Sequence[tuple[str, Sequence[Any]]], kind: Any) -> list[Any]:
        """Return a result of type ``kind`` for each call; raises as ``BlockSource`` says."""
        ids = [next(self._ids) for _ in calls]
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in zip(ids, calls, strict=True)
        ]
        methods = ", ".join(sorted({method for method, _ in calls}))
        raw = self._timed(msgspec.json.encode(body), methods)
        try:
            answers = msgspec.json.decode(raw, type=list[_Envelope] | _Envelope)
            if isinstance(answers, _Envelope):
                # Of a batch that it refuses as a whole, a node says so once; without an error it is nonsense.
                if answers.error is not None:
                    raise self._refusal(methods, answers.error)
                answers = [answers]
            envelopes = {one.id: one for one in answers}
            return [
                self._result(envelopes.get(number), method, kind)
                for number, (method, _) in zip(ids, calls, strict=True)
            ]
        except msgspec.MsgspecError as error:
            # The node's words may repeat its address.
            shown = self._without_key(str(error))[:_SHOWN_LENGTH]
            raise ChainError(
                f"expected answers to {methods} from {self.name}, found another form: {shown}"
            ) from None

    def _result(self, envelope: _Envelope | None, method: str, kind: Any) -> Any:
        if envelope is None:
            raise ChainError(f"expected an answer to {method} from {self.name}, found none in the batch")
        if envelope.error is not None:
            raise self._refusal(method, envelope.error)
        return msgspec.json.decode(envelope.result, type=kind)

    def _refusal(self, method: str, error: Any) -> RpcError:
        fields = error if isinstance(error, dict) else {"message": error}
        message = self._without_key(str(fields.get("message")))[:_SHOWN_LENGTH]
        return RpcError(method, {"code": fields.get("code"), "message": message})

    def _timed(self, body: bytes, methods: str) -> bytes:
        started_s = self._clock()
        answered = False
        try:
            raw = self._post(body, methods, deadline_s=started_s + self._timeout_s)
            answered = True
            return raw
        finally:
            self._observe((self._clock() - started_s) * 1_000, answered)

    def _post(self, body: bytes, methods: str, *, deadline_s: float) -> bytes:
        limits = httpx.Timeout(self._timeout_s).as_dict()
        request = httpx.Request(
            "POST", self._url, content=body, headers=self._headers, extensions={"timeout": limits}
        )
        parts: list[bytes] = []
        size = 0
        try:
            response = self._transport.handle_request(request)
            try:
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    # A node that sends a byte now and then meets no timeout of the socket.
                    if self._clock() > deadline_s or size > _MOST_BYTES:
                        raise NodeUnreachable(
                            f"expected an answer to {methods} from {self.name} within {self._timeout_s:g} s and "
                            f"{_MOST_BYTES >> 20} MiB, found {size} bytes of a longer one"
                        )
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise NodeUnreachable(
                f"expected an answer to {methods} from {self.name}, found {type(error).__name__}; check that the "
                "node runs and that the address is right"
            ) from None
        if response.status_code != httpx.codes.OK:
            raise NodeUnreachable(
                f"expected an answer to {methods} from {self.name}, found HTTP status {response.status_code}"
            )
        return b"".join(parts)

    def _without_key(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text
