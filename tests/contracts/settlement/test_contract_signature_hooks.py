"""The contract signature with an extension: exactly our hooks, exactly as the traits announce them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.domain import keccak256
from tests.contracts.settlement.conftest import ROUTER_HOOKS
from tests.contracts.settlement.desk import HAS_EXTENSION, MASK_160, Desk, RawOrder, lower
from tests.contracts.settlement.feeds import BAND_ON, CAPS_ON, Feeds

MAGIC = "1626ba7e"
ZERO = "0x" + "00" * 20
PRE = 1 << 252
POST = 1 << 251
PAYLOAD = b"\x01\x02\x03"


@pytest.fixture
def hooks(desk: Desk, owner: Any) -> Any:
    instance = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setModule(ROUTER_HOOKS, instance, sender=owner)
    return instance


def _extension(*fields: bytes, offsets: int | None = None) -> bytes:
    """Eight fields as 1inch lays them out: their ends, the first in the lowest 32 bits, then the bytes."""
    ends = end = 0
    for index, field in enumerate(fields):
        end += len(field)
        ends |= end << 32 * index
    return (ends if offsets is None else offsets).to_bytes(32, "big") + b"".join(fields)


def _hooked(pre: bytes = b"", post: bytes = b"", offsets: int | None = None) -> bytes:
    return _extension(*[b""] * 6, pre, post, offsets=offsets)


def _to(listener: Any) -> bytes:
    return bytes.fromhex(str(getattr(listener, "address", listener))[2:]) + PAYLOAD


def _values(
    desk: Desk, extension: bytes, flags: int, *, bound: bytes | None = None, **changes: Any
) -> tuple[bytes, bytes]:
    """1inch's digest and the contract signature; ``bound`` is what the salt commits to."""
    order: RawOrder = desk.order(flags=flags | HAS_EXTENSION, **changes)
    low = int.from_bytes(keccak256(extension if bound is None else bound), "big") & MASK_160
    order = replace(order, salt=order.salt & ~MASK_160 | low)
    digest = order.digest(desk.router_domain)
    return digest, order.packed_with(desk.key.sign(digest)) + extension


def _answer(desk: Desk, *values: Any, **how: Any) -> str:
    return bytes(desk.settlement.isValidSignature(*_values(desk, *values, **how))).hex()


def _refusal(desk: Desk, *values: Any, **how: Any) -> tuple[Any, ...]:
    ask = desk.settlement.isValidSignature
    return desk.refusal(ask, *_values(desk, *values, **how), sender=desk.taker)


def test_hooks__ours_as_announced__are_good(desk: Desk, hooks: Any) -> None:
    ours = _to(hooks)
    assert _answer(desk, _hooked(pre=ours), PRE) == MAGIC
    assert _answer(desk, _hooked(post=ours), POST) == MAGIC
    assert _answer(desk, _hooked(pre=ours, post=ours), PRE | POST) == MAGIC
    assert _answer(desk, _hooked(pre=ours[:20]), PRE) == MAGIC


def test_hooks__of_another_contract__are_refused(desk: Desk, hooks: Any, attacker: Any) -> None:
    refusal = ("ForeignHook", lower(attacker))
    ours, foreign = _to(hooks), _to(attacker)
    assert _refusal(desk, _hooked(pre=foreign), PRE) == refusal
    assert _refusal(desk, _hooked(post=foreign), POST) == refusal
    assert _refusal(desk, _hooked(pre=ours, post=foreign), PRE | POST) == refusal


def test_hooks__while_none_is_registered__are_refused(desk: Desk, attacker: Any) -> None:
    assert _refusal(desk, _hooked(pre=_to(attacker)), PRE) == ("ForeignHook", lower(attacker))
    assert _refusal(desk, _hooked(pre=_to(ZERO)), PRE) == ("ForeignHook", ZERO)


def test_hooks__not_announced__are_refused(desk: Desk, hooks: Any) -> None:
    ours = _to(hooks)
    assert _refusal(desk, _hooked(pre=ours), 0) == ("ForeignHook", lower(hooks))
    assert _refusal(desk, _hooked(pre=ours), POST) == ("ForeignHook", lower(hooks))
    assert _refusal(desk, _hooked(post=ours), PRE) == ("ForeignHook", ZERO)


def test_hooks__announced_without_an_address__are_refused(desk: Desk, hooks: Any) -> None:
    assert _refusal(desk, _hooked(), PRE) == ("ForeignHook", ZERO)
    assert _refusal(desk, _hooked(pre=_to(hooks)[:19]), PRE) == ("ForeignHook", ZERO)
    assert _refusal(desk, _hooked(pre=_to(hooks)), PRE | POST) == ("ForeignHook", ZERO)


@pytest.mark.parametrize("field", range(6))
def test_hooks__another_field_in_use__is_refused(desk: Desk, hooks: Any, field: int) -> None:
    """Amount getters, permits, asset suffixes, predicates: each would change the order's meaning on 1inch."""
    fields = [b""] * 8
    fields[field], fields[6] = b"\x01", _to(hooks)
    extension = _extension(*fields)
    assert _refusal(desk, extension, PRE) == ("BadExtension", len(extension))


def test_hooks__ends_that_do_not_fit_the_bytes__are_refused(desk: Desk, hooks: Any) -> None:
    ours = _to(hooks)
    size = len(ours)
    sound = size << 224 | size << 192
    assert _answer(desk, _hooked(pre=ours, offsets=sound), PRE) == MAGIC
    for ends in ((size - 1, size - 1), (size + 1, size + 1), (size + 1, size), (size, size + 1), (0, 0)):
        extension = _hooked(pre=ours, offsets=ends[1] << 224 | ends[0] << 192)
        assert _refusal(desk, extension, PRE) == ("BadExtension", len(extension))
    tail = _hooked(pre=ours) + b"custom data"
    assert _refusal(desk, tail, PRE) == ("BadExtension", len(tail))
    assert _refusal(desk, bytes(31), PRE) == ("BadExtension", 31)


def test_hooks__extension_without_hooks__is_refused(desk: Desk, hooks: Any) -> None:
    """An extension of eight empty fields is harmless; custom data is not ours to judge."""
    assert _answer(desk, bytes(32), 0) == MAGIC
    assert _refusal(desk, bytes(32) + b"\x01", 0) == ("BadExtension", 33)


def test_hooks__extension_that_is_not_the_signed_one__is_refused(desk: Desk, hooks: Any) -> None:
    signed, given = _hooked(pre=_to(hooks)), _hooked(pre=_to(hooks) + b"\x04")
    refusal = _refusal(desk, given, PRE, bound=signed)
    assert refusal[0] == "ExtensionHashMismatch"
    assert refusal[2] == int.from_bytes(keccak256(given), "big")
    assert _refusal(desk, b"", PRE, bound=signed) == ("MissingExtension",)


def test_hooks__pre_interaction__serves_what_needs_it(desk: Desk, hooks: Any, owner: Any) -> None:
    pre, post = _hooked(pre=_to(hooks)), _hooked(post=_to(hooks))
    ratio = 128 << 200
    assert _answer(desk, pre, PRE | ratio) == MAGIC
    assert _refusal(desk, post, POST | ratio) == ("HookRequired", ratio)
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    assert _answer(desk, pre, PRE) == MAGIC
    assert _refusal(desk, post, POST) == ("HookRequired", 1 << 249)


def test_hooks__band_on__is_asked_with_hooks_too(desk: Desk, hooks: Any, feeds: Feeds, owner: Any) -> None:
    desk.settlement.setBand(desk.base, desk.quote, 20, sender=owner)
    desk.settlement.setGuards(BAND_ON, sender=owner)
    pre = _hooked(pre=_to(hooks))
    assert _answer(desk, pre, PRE) == MAGIC
    assert _refusal(desk, pre, PRE, taking_amount=1)[0] == "OutsideBand"
