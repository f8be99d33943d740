"""Calls of legs as JSON text, and back."""

from __future__ import annotations

import json
from typing import Any

from pmm.domain import Address
from pmm.errors import InvalidInput
from pmm.execution.hedging.records import ContractCall, LegCall, PerpOrder


def calls_to_text(calls: tuple[LegCall, ...]) -> str:
    """Return calls as the ledger keeps them."""
    return json.dumps([_fields(call) for call in calls], separators=(",", ":"))


def calls_from_text(text: str) -> tuple[LegCall, ...]:
    """Read what :func:`calls_to_text` wrote; raises InvalidInput for anything else."""
    try:
        return tuple(_call(fields) for fields in json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"hedge leg: expected calls as the ledger writes them, found {error!r}") from error


def _fields(call: LegCall) -> dict[str, Any]:
    if isinstance(call, ContractCall):
        until = {} if call.last_block is None else {"last": call.last_block}
        if call.gas_price_cap_wei is not None:
            until["cap"] = call.gas_price_cap_wei
        return {
            "to": call.to,
            "data": call.data.hex(),
            "purpose": call.purpose,
            "gas": call.gas_units,
            **until,
        }
    return {
        "venue": call.venue,
        "asset": call.asset,
        "amount": str(call.amount),
        "limit": str(call.limit_usd_e36),
        "purpose": call.purpose,
    }


def _call(fields: dict[str, Any]) -> LegCall:
    if "to" in fields:
        return ContractCall(
            to=Address(fields["to"]),
            data=bytes.fromhex(fields["data"]),
            purpose=fields["purpose"],
            gas_units=fields["gas"],
            last_block=fields.get("last"),
            gas_price_cap_wei=fields.get("cap"),
        )
    return PerpOrder(
        venue=fields["venue"],
        asset=Address(fields["asset"]),
        amount=int(fields["amount"]),
        limit_usd_e36=int(fields["limit"]),
        purpose=fields["purpose"],
    )
