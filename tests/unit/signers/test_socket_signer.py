"""Quoting process and signer process over a real unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import Decision, RefusalReason, order_hash, recover_signer
from pmm.errors import SetupError, UnsafeToSign
from pmm.execution import AnsweredQuote, GuardedSigner, SignerUnavailable, SigningMode
from pmm.signers.order_limits import OrderJudge
from pmm.signers.socket_server import SignerServer
from pmm.signers.socket_signer import SocketSigner
from tests.helpers.quoting import GETH, chain_view, signing_key
from tests.unit.signers.test_order_limits import good_order, limits


class _Clockless(OrderJudge):
    """Judges everything but the machine's clock: the desk of the tests lives in a time of its own."""

    def judge(self, request: Any, *, now_s: int, monotonic_s: float) -> bytes:
        from tests.helpers.quoting import CHAIN_TIME_S

        return super().judge(request, now_s=CHAIN_TIME_S, monotonic_s=monotonic_s)


def _server(**changes: Any) -> SignerServer:
    uid = changes.pop("allowed_uid", os.getuid())
    line_timeout_s = changes.pop("line_timeout_s", 5.0)
    return SignerServer(
        signing_key(), _Clockless(limits(**changes)), allowed_uid=uid, line_timeout_s=line_timeout_s
    )


def _run(
    folder: Path,
    test: Callable[[SocketSigner, Path], Awaitable[Any]],
    server: SignerServer | None = None,
    timeout_s: float = 2.0,
) -> Any:
    async def run() -> Any:
        path = folder / "s"
        listening = await (server or _server()).listen(path)
        client = SocketSigner(path, signing_key().address, timeout_s=timeout_s)
        try:
            return await test(client, path)
        finally:
            await client.close()
            listening.close()

    return asyncio.run(run())


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_sign_order__good_order__is_signed_by_the_other_process(tmp_path: Path) -> None:
    order, domain = good_order()
    digest = order_hash(order, domain)

    async def test(client: SocketSigner, path: Path) -> None:
        assert _mode(path) == 0o600
        for _ in range(3):
            signature = await client.sign_order(order, domain, digest)
            assert recover_signer(digest, signature) == signing_key().address

    _run(tmp_path, test)


def test_sign_order__many_at_once__each_gets_its_own(tmp_path: Path) -> None:
    order, domain = good_order()
    from dataclasses import replace

    orders = [replace(order, making_amount=order.making_amount - number) for number in range(50)]

    async def test(client: SocketSigner, _: Path) -> None:
        digests = [order_hash(one, domain) for one in orders]
        signatures = await asyncio.gather(
            *(client.sign_order(one, domain, digest) for one, digest in zip(orders, digests, strict=True))
        )
        for digest, signature in zip(digests, signatures, strict=True):
            assert recover_signer(digest, signature) == signing_key().address

    _run(tmp_path, test)


def test_sign_order__beyond_the_limits__is_refused_with_the_reason_and_the_connection_stands(
    tmp_path: Path,
) -> None:
    order, domain = good_order()

    async def test(client: SocketSigner, _: Path) -> None:
        with pytest.raises(SignerUnavailable, match="makingAmount"):
            await client.sign_order(order, domain, order_hash(order, domain))
        with pytest.raises(SignerUnavailable, match="digest"):
            await client.sign_order(order, domain, b"\x07" * 32)

    from pmm.domain import USDC

    _run(tmp_path, test, _server(most_per_order={USDC.address: 1}))


def test_serve__other_user__is_hung_up_on(tmp_path: Path) -> None:
    order, domain = good_order()

    async def test(client: SocketSigner, _: Path) -> None:
        with pytest.raises(SignerUnavailable):
            await client.sign_order(order, domain, order_hash(order, domain))

    _run(tmp_path, test, _server(allowed_uid=os.getuid() + 1))


@pytest.mark.parametrize("sent", [b"x" * 10_000, b"{}\n", b'{"sign": "0x07"}\n', b"\n", b"half a line"])
def test_serve__anything_but_a_request__gets_no_signature(tmp_path: Path, sent: bytes) -> None:
    order, domain = good_order()

    async def test(client: SocketSigner, path: Path) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(sent)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        # The signer lives on.
        await client.sign_order(order, domain, order_hash(order, domain))
        return answer

    answer = _run(tmp_path, test)
    assert not answer or set(json.loads(answer)) == {"error"}


def test_serve__silent_client__is_hung_up_on(tmp_path: Path) -> None:
    async def test(_: SocketSigner, path: Path) -> bytes:
        reader, _writer = await asyncio.open_unix_connection(str(path))
        return await asyncio.wait_for(reader.read(), 5)

    assert _run(tmp_path, test, _server(line_timeout_s=0.05)) == b""


def test_sign_order__signer_hangs__is_refused_in_time_and_its_late_answer_is_not_taken(
    tmp_path: Path,
) -> None:
    order, domain = good_order()
    digest = order_hash(order, domain)
    late = (
        json.dumps({"signature": "0x" + signing_key().sign(b"\x09" * 32).to_bytes65().hex()}).encode() + b"\n"
    )
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readline()
        if asked == 1:
            await asyncio.sleep(0.2)
            writer.write(late)
            return
        writer.write(
            json.dumps({"signature": "0x" + signing_key().sign(digest).to_bytes65().hex()}).encode() + b"\n"
        )

    async def run() -> None:
        path = tmp_path / "s"
        listening = await asyncio.start_unix_server(serve, str(path))
        client = SocketSigner(path, signing_key().address, timeout_s=0.1)
        with pytest.raises(SignerUnavailable, match="within"):
            await client.sign_order(order, domain, digest)
        await asyncio.sleep(0.2)
        assert recover_signer(digest, await client.sign_order(order, domain, digest)) == client.address
        await client.close()
        listening.close()

    asyncio.run(run())


def test_sign_order__no_signer__says_how_to_start_it(tmp_path: Path) -> None:
    order, domain = good_order()
    client = SocketSigner(tmp_path / "none", signing_key().address, timeout_s=0.5)
    with pytest.raises(SignerUnavailable, match="pmm signer serve"):
        asyncio.run(client.sign_order(order, domain, order_hash(order, domain)))


def test_listen__place_taken_by_a_living_signer__is_refused(tmp_path: Path) -> None:
    async def test(_: SocketSigner, path: Path) -> None:
        with pytest.raises(SetupError, match="another signer"):
            await _server().listen(path)

    _run(tmp_path, test)


def test_listen__socket_left_by_a_killed_signer__is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    async def run() -> None:
        (await _server().listen(path)).close()

    asyncio.run(run())


class _Liar:
    """A remote signer that answers with another key's signature."""

    address = signing_key().address

    async def sign_order(self, order: Any, domain: Any, digest: bytes) -> Any:
        from pmm.domain import SigningKey

        return SigningKey(b"\x02" * 32).sign(digest)


def test_guarded_signer__remote_signature_of_another_key__is_refused() -> None:
    signer = GuardedSigner(_Liar(), mode=SigningMode.LIVE, node=GETH)
    order, domain = good_order()

    async def run() -> None:
        made = signer.sign_order(order, domain, order_hash(order, domain))
        assert isinstance(made, Awaitable)
        with pytest.raises(UnsafeToSign, match="check the machine"):
            await made

    asyncio.run(run())
    assert signer.is_remote
    with pytest.raises(UnsafeToSign, match="orders only"):
        signer.sign(b"\x07" * 32)


@pytest.mark.parametrize("lies", [False, True])
def test_desk__remote_signer__answers_or_refuses_and_keeps_the_reservation(
    tmp_path: Path, lies: bool
) -> None:
    from tests.helpers.quoting import open_test_desk
    from tests.unit.execution.test_kill_switches import _SIGNER

    async def test(client: SocketSigner, _: Path) -> tuple[Any, Any]:
        desk = open_test_desk(chain_view(node=GETH))
        remote: Any = _Liar() if lies else client
        desk.desk._signer = GuardedSigner(remote, mode=SigningMode.LIVE, node=GETH)
        from pmm.domain import USDC, WETH, QuoteRequest
        from pmm.execution import FirmQuoteRequest, Settlement
        from tests.helpers.quoting import TAKER

        quote = QuoteRequest(
            request_id="r", chain_id=1, maker_asset=USDC, taker_asset=WETH, taker=TAKER, taking_amount=10**18
        )
        request = FirmQuoteRequest(quote=quote, settlement=Settlement.PMM)
        return desk, await desk.desk.firm_quote(request)

    desk, answered = _run(tmp_path, test)
    assert len(desk.book) == 1
    if lies:
        assert isinstance(answered, Decision)
        assert answered.reason is RefusalReason.UNSAFE_TO_SIGN
    else:
        assert isinstance(answered, AnsweredQuote)
        assert answered.firm.signed_order.signer == _SIGNER
