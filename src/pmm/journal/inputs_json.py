"""A decision's inputs as JSON and back; the market snapshot they go with stands in a row of its own."""

from __future__ import annotations

from threading import Lock
from typing import Any

import orjson

from pmm.domain import MAINNET_TOKENS, Address, Inventory, QuoteRequest, parse_address
from pmm.domain.hook_payloads import InventorySource
from pmm.errors import InvalidInput
from pmm.execution import QuoteInputs
from pmm.pricing import (
    NO_SHAPE,
    DepthCurve,
    DroppedSource,
    FairValue,
    FeedReading,
    FillHedgeRules,
    LendingReading,
    MarketSnapshot,
    ModelInputs,
    OtcQuote,
    PairPolicy,
    PerpQuote,
    PoolKind,
    PoolReading,
    PricingState,
    QuoteShape,
    ReferencePrice,
    SourceKind,
)
from pmm.pricing.robust import SourcePrice
from pmm.risk import OpenQuotes


def inputs_json(kept: QuoteInputs) -> dict[str, Any]:
    """Return the JSON of a decision's inputs; amounts are decimal strings."""
    request, inputs, counted = kept.request, kept.inputs, kept.open_quotes
    making, taking, allowance = request.making_amount, request.taking_amount, inputs.allowance
    found: dict[str, Any] = {
        "model": kept.model,
        "policy": kept.policy,
        "priced": kept.priced,
        "request": {
            "chainId": request.chain_id,
            "makerAsset": request.maker_asset.address,
            "takerAsset": request.taker_asset.address,
            "makingAmount": None if making is None else str(making),
            "takingAmount": None if taking is None else str(taking),
            "taker": request.taker,
            "feeBps": request.fee_bps,
        },
        "ownDomain": inputs.own_domain,
        "canProvide": inputs.can_provide,
        "allowance": None if allowance is None else str(allowance),
        "stock": {token: [str(held.balance), str(held.reserved)] for token, held in inputs.stock.items()},
        "deliverable": [str(inputs.deliverable.balance), str(inputs.deliverable.reserved)],
        "state": inputs.state.to_dict(),
    }
    if inputs.shape is not NO_SHAPE:
        found["shape"] = inputs.shape.to_dict()
    if inputs.fill_hedge is not None:
        found["fillHedge"] = inputs.fill_hedge.to_dict()
    found["openQuotes"] = {
        "count": counted.count,
        "usdWad": str(counted.usd_wad),
        "takerUsdWad": str(counted.taker_usd_wad),
    }
    found["fair"] = None if kept.fair is None else _fair_text(kept.fair)
    return found


class _FairTexts:
    """The JSON of the last fair values: every quote on a market has the same few."""

    _KEPT = 64

    def __init__(self) -> None:
        self._known: dict[int, tuple[FairValue, orjson.Fragment]] = {}
        # The writer's thread and the event loop both make rows.
        self._lock = Lock()

    def __call__(self, fair: FairValue) -> orjson.Fragment:
        known = self._known.get(id(fair))
        # What is known is kept alive, so that no other can have its id.
        if known is not None:
            return known[1]
        text = orjson.Fragment(orjson.dumps(fair_json(fair)))
        with self._lock:
            while len(self._known) >= self._KEPT:
                del self._known[next(iter(self._known))]
            self._known[id(fair)] = (fair, text)
        return text


_fair_text = _FairTexts()


def inputs_text(kept: QuoteInputs) -> str:
    """Return the text of a decision's inputs."""
    return orjson.dumps(inputs_json(kept)).decode()


def fair_json(fair: FairValue) -> dict[str, Any]:
    """Return a fair value with the sources that made it and those that did not, and why."""
    return {
        "rateE36": str(fair.rate_e36),
        "sources": [_source(one) for one in fair.sources],
        "dropped": [_dropped(one) for one in fair.dropped],
    }


def _source(one: SourcePrice) -> dict[str, Any]:
    return {"source": one.source, "rateE36": str(one.rate_e36), "weight": str(one.weight)}


def _dropped(one: DroppedSource) -> dict[str, Any]:
    return {"source": one.source, "reason": one.reason, "rateE36": _text(one.rate_e36)}


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _int(value: str | None) -> int | None:
    return None if value is None else int(value)


class RecordedDecision:
    """A decision's inputs read back, to be made again; raises InvalidInput for JSON that is no such thing."""

    def __init__(self, text: str, *, quote_id: str) -> None:
        try:
            raw = orjson.loads(text)
            asked, counted = raw["request"], raw["openQuotes"]
            self.model: str = raw["model"]
            self.policy: str = raw["policy"]
            self.priced: str = raw["priced"]
            self.request = QuoteRequest(
                request_id=quote_id,
                chain_id=asked["chainId"],
                maker_asset=MAINNET_TOKENS.get(asked["makerAsset"]),
                taker_asset=MAINNET_TOKENS.get(asked["takerAsset"]),
                making_amount=_int(asked["makingAmount"]),
                taking_amount=_int(asked["takingAmount"]),
                taker=parse_address(asked["taker"]),
                fee_bps=asked["feeBps"],
            )
            self.open_quotes = OpenQuotes(
                count=counted["count"],
                usd_wad=int(counted["usdWad"]),
                taker_usd_wad=int(counted["takerUsdWad"]),
            )
            self._raw = raw
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"quote {quote_id}: expected the inputs of a decision, found {error!r}"
            ) from error

    def inputs(self, snapshot: MarketSnapshot, pair: PairPolicy) -> ModelInputs:
        """Return what the model was given."""
        stock = {Address(token): _inventory(token, held) for token, held in self._raw["stock"].items()}
        return ModelInputs(
            snapshot=snapshot,
            pair=pair,
            maker_asset=self.request.maker_asset,
            taker_asset=self.request.taker_asset,
            stock=stock,
            deliverable=_inventory(self.request.maker_asset.address, self._raw["deliverable"]),
            own_domain=self._raw["ownDomain"],
            can_provide=self._raw["canProvide"],
            allowance=_int(self._raw["allowance"]),
            state=PricingState.from_dict(self._raw["state"]),
            # Journals of before have none.
            shape=QuoteShape.from_dict(self._raw.get("shape", {})),
            fill_hedge=_fill_hedge(self._raw.get("fillHedge")),
        )


def _fill_hedge(raw: dict[str, Any] | None) -> FillHedgeRules | None:
    return None if raw is None else FillHedgeRules(**raw)


def _inventory(token: str, held: list[str]) -> Inventory:
    return Inventory(token=MAINNET_TOKENS.get(token), balance=int(held[0]), reserved=int(held[1]))


def venues_json(market: MarketSnapshot) -> dict[str, Any]:
    """Return what a snapshot holds beside the chain; empty where there is nothing."""
    found: dict[str, Any] = {}
    if market.references:
        found["references"] = [_fields(one, ReferencePrice) for one in market.references]
    if market.lending:
        found["lending"] = [_fields(one, LendingReading) for one in market.lending]
    if market.otc:
        found["otc"] = [_fields(one, OtcQuote) for one in market.otc]
    if market.perps:
        found["perps"] = [_fields(one, PerpQuote) for one in market.perps]
    return found


def _fields(value: Any, kind: Any) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in kind.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, DepthCurve):
        return [[str(amount_in), str(amount_out)] for amount_in, amount_out in value.knots]
    if isinstance(value, InventorySource):
        return int(value)
    return str(value) if isinstance(value, int) else value


def snapshot_from_json(snapshot_id: str, body: str) -> MarketSnapshot:
    """Return a journaled market snapshot; raise InvalidInput for JSON that is none."""
    try:
        raw = orjson.loads(body)
        pools: dict[tuple[Address, Address], tuple[PoolReading, ...]] = {}
        for pool in raw["pools"]:
            key = (Address(pool["takerAsset"]), Address(pool["makerAsset"]))
            pools[key] = (*pools.get(key, ()), _pool(pool))
        return MarketSnapshot(
            snapshot_id=snapshot_id,
            block_number=raw["blockNumber"],
            block_timestamp_s=raw["blockTimestamp"],
            chain_time_s=raw["chainTime"],
            gas_price_wei=int(raw["gasPriceWei"]),
            feeds={Address(token): _feed(feed) for token, feed in raw["feeds"].items()},
            pools=pools,
            references=tuple(_reference(one) for one in raw.get("references", ())),
            lending=tuple(_lending(one) for one in raw.get("lending", ())),
            otc=tuple(OtcQuote(**_numbers(one, _OTC_TEXT)) for one in raw.get("otc", ())),
            perps=tuple(_perp(one) for one in raw.get("perps", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"snapshot {snapshot_id}: expected a market snapshot, found {error!r}") from error


_OTC_TEXT = frozenset({"counterparty", "taker_asset", "maker_asset"})
_LENDING_TEXT = frozenset({"market", "token"})
_PERP_TEXT = frozenset({"venue", "taker_asset", "maker_asset", "depth"})
_REFERENCE_TEXT = frozenset({"source", "kind", "token", "unit"})


def _numbers(raw: dict[str, Any], text: frozenset[str]) -> dict[str, Any]:
    return {name: value if name in text else int(value) for name, value in raw.items()}


def _reference(raw: dict[str, Any]) -> ReferencePrice:
    fields = _numbers(raw, _REFERENCE_TEXT)
    return ReferencePrice(**{**fields, "kind": SourceKind(fields["kind"])})


def _lending(raw: dict[str, Any]) -> LendingReading:
    fields = _numbers(raw, _LENDING_TEXT)
    sources = {name: InventorySource(fields[name]) for name in ("withdraw_source", "borrow_source")}
    return LendingReading(**{**fields, **sources})


def _perp(raw: dict[str, Any]) -> PerpQuote:
    fields = _numbers(raw, _PERP_TEXT)
    return PerpQuote(**{**fields, "depth": _curve(fields["depth"])})


def _curve(knots: list[list[str]]) -> DepthCurve:
    return DepthCurve(knots=tuple((int(amount_in), int(amount_out)) for amount_in, amount_out in knots))


def _pool(raw: dict[str, Any]) -> PoolReading:
    return PoolReading(
        pool=Address(raw["pool"]),
        fee_pips=raw["feePips"],
        spot_rate_e36=int(raw["spotRateE36"]),
        depth=_curve(raw["depth"]),
        kind=PoolKind(raw["kind"]),
    )


def _feed(raw: dict[str, Any]) -> FeedReading:
    return FeedReading(
        name=raw["name"],
        answer=int(raw["answer"]),
        decimals=raw["decimals"],
        updated_at_s=int(raw["updatedAt"]),
        heartbeat_s=raw["heartbeat"],
    )
