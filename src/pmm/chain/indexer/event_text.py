"""Events as text in the ledger: readable in SQL, numbers of 256 bits whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from pmm.domain import (
    Address,
    ChainEvent,
    EventPlace,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    OrdersCancelled,
    TokenMoved,
)

_KINDS: Final[Mapping[str, type[ChainEvent]]] = {
    "fill": OrderFilled,
    "transfer": TokenMoved,
    "lending": LendingChanged,
    "cancel": OrdersCancelled,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_FIELDS: Final = {
    kind: tuple(field.name for field in fields(kind) if field.name != "place") for kind in _NAMES
}


def _address(text: str) -> Address:
    return Address(text)


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "order_hash": bytes.fromhex,
    "making_amount": int,
    "taking_amount": int,
    "amount": int,
    "debt_amount": int,
    "market": LendingMarket,
    "action": LendingAction,
    "words": lambda words: tuple(int(word) for word in words),
    "what": str,
    "debt_token": lambda text: None if text is None else Address(text),
}


def to_text(event: ChainEvent) -> tuple[str, str]:
    """Return the kind of an event and its fields as JSON, all but its place."""
    kind = type(event)
    return _NAMES[kind], json.dumps({name: _written(getattr(event, name)) for name in _FIELDS[kind]})


def from_text(kind: str, body: str, place: EventPlace) -> ChainEvent:
    """Return the event again."""
    found = {name: _READ.get(name, _address)(value) for name, value in json.loads(body).items()}
    return _KINDS[kind](place=place, **found)


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return None if value is None else str(value)
