"""The quoting process's side of a signer process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from pmm.domain import Address, OrderDomain, RfqOrder, Signature
from pmm.errors import InvalidInput
from pmm.execution import SignerUnavailable
from pmm.signers.protocol import MOST_BYTES, decode_answer, encode_request


class SocketSigner:
    """Asks a signer process, one request after the other over one connection that is opened again when it ends.

    A request that was not answered in time closes the connection: a late answer must not be taken for the next one.
    """

    def __init__(self, path: Path, address: Address, *, timeout_s: float) -> None:
        self._path = path
        self._address = address
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def address(self) -> Address:
        """The address that every signature must recover to."""
        return self._address

    async def sign_order(self, order: RfqOrder, domain: OrderDomain, digest: bytes) -> Signature:
        """Sign an order; raise SignerUnavailable with the signer's reason, or after the timeout."""
        request = encode_request(order, domain, digest)
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                line = await self._exchange(request)
        except TimeoutError:
            raise SignerUnavailable(
                f"expected an answer of the signer at {self._path} within {self._timeout_s} s, found none; check it"
            ) from None
        try:
            return decode_answer(line)
        except InvalidInput as error:
            raise SignerUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _exchange(self, request: bytes) -> bytes:
        complete = False
        try:
            if self._streams is None or self._streams[0].at_eof():
                self._streams = await asyncio.open_unix_connection(str(self._path), limit=MOST_BYTES)
            reader, writer = self._streams
            writer.write(request)
            await writer.drain()
            line = await reader.readline()
            complete = line.endswith(b"\n")
        except (OSError, ValueError) as error:
            raise SignerUnavailable(
                f"expected a signer at {self._path}, found {type(error).__name__}; start it with `pmm signer serve`"
            ) from error
        finally:
            if not complete and self._streams is not None:
                self._streams[1].close()
                self._streams = None
        if not complete:
            raise SignerUnavailable(
                f"expected an answer of the signer at {self._path}, it closed the connection"
            )
        return line
