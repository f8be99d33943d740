"""The fixtures of the lending contracts."""

from __future__ import annotations

from tests.contracts.lending.desk_fixtures import (
    account,
    allowances,
    balance_of,
    builder,
    delta,
    desk,
    error_types,
    hooks,
    move,
    refusal_of,
    stranger,
    supplied,
)

__all__ = [
    "account",
    "allowances",
    "balance_of",
    "builder",
    "delta",
    "desk",
    "error_types",
    "hooks",
    "move",
    "refusal_of",
    "stranger",
    "supplied",
]
