"""Which settings may change while the server runs, and why the others may not."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pydantic import BaseModel, SecretStr

from pmm.errors import InvalidInput
from pmm.settings import ServeSettings, shown_url
from pmm.settings_sections import section_of

RELOADABLE = frozenset(
    {
        "half_spread_bps",
        "min_edge_bps",
        "max_skew_bps",
        "impact_share_bps",
        "hedge_gas_units",
        "hedge_batch_usd",
        "max_fee_bps",
        "spread_model",
        "pair_models",
        "spread_gamma",
        "spread_k",
        "spread_horizon_s",
        "spread_intensity",
        "lot_usd",
        "max_lots",
        "quotation",
        "option_share_bps",
        "capital_usd",
        "funded_half_spread_bps",
        "min_profit_bps",
        "signed_profit_share_bps",
        "hook_hedge",
        "hook_hedge_slippage_bps",
        "hook_hedge_gas_floor",
        "feed_weight",
        "pool_weight",
        "heartbeat_grace_s",
        "max_deviation_bps",
        "feed_deviation_bps",
        "min_pool_depth_usd",
        "min_quote_usd",
        "max_quote_usd",
        "max_open_usd",
        "max_taker_usd",
        "max_live_quotes",
        "pre_trade",
        "pre_trade_max_age_ms",
        "pre_trade_fill_bps",
        "quote_ttl_s",
        "okx_quote_ttl_s",
        "journal_timeout_ms",
        "auth.rate_per_s",
        "auth.burst",
        "auth.failures_per_s",
        "switches.resume_after_s",
    }
)
"""Settings that a reload changes; everything that the desk's policy, the rates and the switches are made of."""

_WHY = {
    "server": "the socket is open with it",
    "tls": "the socket is open with it",
    "chain": "the market reader runs with it",
    "key": "which key signs is decided once, at the start",
    "signer": "which key signs is decided once, at the start",
    "journal": "the journal is open with it",
    "relayers": "the relayers' codecs are made with it",
    "monitoring": "the metrics are wired with it",
    "desk": "it is of `pmm desk`",
    "alerts": "it is of `pmm desk`",
    "risk": "it is of `pmm desk`",
    "sources": "it is of `pmm desk`",
}


def flat(settings: BaseModel, prefix: str = "") -> dict[str, Any]:
    """Return every leaf by name; those of sections as ``section.name``."""
    leaves: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            leaves.update(flat(value, f"{name}."))
        else:
            leaves[prefix + name] = value
    return leaves


def shown(name: str, value: Any) -> Any:
    """Return a value as people may see it."""
    if isinstance(value, SecretStr):
        return "<redacted>"
    if name.endswith("_url"):
        return shown_url(value)
    if isinstance(value, tuple):
        return ",".join(str(shown("", entry)) for entry in value)
    if isinstance(value, IntEnum):
        return value.name.lower()
    return value if value is None or isinstance(value, bool | int) else str(value)


def changes(running: ServeSettings, new: ServeSettings) -> dict[str, dict[str, Any]]:
    """Return what differs, as name -> from and to; raise InvalidInput when one of them needs a restart.

    All or nothing: one setting that cannot change refuses the whole reload.
    """
    before, after = flat(running), flat(new)
    changed = [name for name, value in after.items() if value != before[name]]
    fixed = [name for name in changed if name not in RELOADABLE]
    if fixed:
        reasons = "; ".join(f"{name}: {_why(name)}" for name in fixed)
        raise InvalidInput(f"reload refused, nothing changed: {reasons}; restart the server for these")
    return {name: {"from": shown(name, before[name]), "to": shown(name, after[name])} for name in changed}


def _why(name: str) -> str:
    section = name.split(".")[0] if "." in name else section_of(name)
    return _WHY.get(section, "it is read at the start only")
