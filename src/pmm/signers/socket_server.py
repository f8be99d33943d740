"""The signer process: one key, one unix socket of mode 0600, one kind of request."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from pmm.domain import SigningKey
from pmm.errors import InvalidInput
from pmm.private_socket import bind_private, peer_uid
from pmm.signers.order_limits import OrderJudge
from pmm.signers.protocol import MOST_BYTES, decode_request, encode_answer, encode_error

_LOG = structlog.get_logger()
_LINE_TIMEOUT_S = 60.0
_WRITE_TIMEOUT_S = 2.0
_BACKLOG = 16


class SignerServer:
    """Signs what its judge lets through. ``allowed_uid`` is the only user that may ask."""

    def __init__(
        self,
        key: SigningKey,
        judge: OrderJudge,
        *,
        allowed_uid: int,
        uid_of: Callable[[socket.socket], int] = peer_uid,
        line_timeout_s: float = _LINE_TIMEOUT_S,
    ) -> None:
        self._key = key
        self._judge = judge
        self._allowed_uid = allowed_uid
        self._uid_of = uid_of
        self._line_timeout_s = line_timeout_s

    async def listen(self, path: Path) -> asyncio.AbstractServer:
        """Open the socket; raise SetupError when another signer has it or the folder is open to others."""
        listener = bind_private(path, what="signer socket", listens="signer")
        return await asyncio.start_unix_server(self._serve, sock=listener, limit=MOST_BYTES, backlog=_BACKLOG)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            uid = self._uid_of(writer.get_extra_info("socket"))
            if uid != self._allowed_uid:
                _LOG.warning("signer_peer_refused", uid=uid)
                return
            while True:
                async with asyncio.timeout(self._line_timeout_s):
                    line = await reader.readline()
                if not line.endswith(b"\n"):
                    return
                writer.write(self._answer(line))
                async with asyncio.timeout(_WRITE_TIMEOUT_S):
                    await writer.drain()
        except (TimeoutError, ValueError, ConnectionError) as error:
            # ValueError: a line longer than the limit.
            _LOG.info("signer_connection_ended", reason=type(error).__name__)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        try:
            request = decode_request(line)
            digest = self._judge.judge(request, now_s=int(time.time()), monotonic_s=time.monotonic())
        except InvalidInput as error:
            _LOG.warning("signer_refused", reason=str(error))
            return encode_error(str(error))
        return encode_answer(self._key.sign(digest))
