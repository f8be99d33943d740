"""Every relayer that is served, one line each; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pmm.domain import TokenRegistry
from pmm.relayers import okx, oneinch
from pmm.relayers.codec import ErrorForm, LevelOrder, RelayerCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerSettings:
    """What codecs are made from. ``level_order`` and ``error_form`` are those of our own API."""

    tokens: TokenRegistry
    chain_id: int = 1
    level_order: LevelOrder = LevelOrder.PRICE_SIZE
    error_form: ErrorForm = ErrorForm.OBJECT
    answer_components: bool = False
    oneinch_level_order: LevelOrder = LevelOrder.PRICE_SIZE
    oneinch_error_form: ErrorForm = ErrorForm.STRING
    oneinch_time_budget_ms: int = 500
    okx_level_order: LevelOrder = LevelOrder.SIZE_PRICE
    okx_time_budget_ms: int = 500


def _own_api(settings: RelayerSettings) -> RelayerCodec:
    return oneinch.OneInchCodec(
        tokens=settings.tokens,
        chain_id=settings.chain_id,
        level_order=settings.level_order,
        error_form=settings.error_form,
        answer_components=settings.answer_components,
        relayer=oneinch.OWN_API,
    )


def _oneinch(settings: RelayerSettings) -> RelayerCodec:
    return oneinch.OneInchCodec(
        tokens=settings.tokens,
        chain_id=settings.chain_id,
        level_order=settings.oneinch_level_order,
        error_form=settings.oneinch_error_form,
        time_budget_ms=settings.oneinch_time_budget_ms,
    )


def _okx(settings: RelayerSettings) -> RelayerCodec:
    return okx.OkxCodec(
        tokens=settings.tokens,
        chain_id=settings.chain_id,
        level_order=settings.okx_level_order,
        time_budget_ms=settings.okx_time_budget_ms,
    )


# The first answers paths that several have, for whoever did not say who it is.
_RELAYERS: Final[tuple[Callable[[RelayerSettings], RelayerCodec], ...]] = (_own_api, _oneinch, _okx)


def open_codecs(settings: RelayerSettings) -> tuple[RelayerCodec, ...]:
    """Return the codec of every relayer."""
    return tuple(make(settings) for make in _RELAYERS)
