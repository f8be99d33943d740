"""Requests decided on the market of a live node: read from the chain, never signed, never answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from pmm.chain.deployments import fork_record_path, live_record_path, load_deployment
from pmm.chain.market_reader import MarketReader, identify
from pmm.chain.web3_node import Web3Node
from pmm.domain import MAINNET_TOKENS, ZERO_ADDRESS, Inventory, parse_address
from pmm.execution import (
    ChainView,
    FirmQuoteRequest,
    PairBook,
    Settlement,
    choose,
    quote_inputs,
)
from pmm.journal.encoding import losing_json, pricing_json
from pmm.journal.inputs_json import RecordedDecision, inputs_text
from pmm.pricing import ModelInputs, PairPolicy, QuoteModel
from pmm.relayers.codec import RelayerCall
from pmm.relayers.oneinch import ORDER, OneInchCodec
from pmm.relayers.refusals import WireRefusal
from pmm.replay.journal_days import RecordedQuote
from pmm.risk import OpenQuotes, QuoteLimits
from pmm.server.assembly import outside_market, pools_of, reader_plan
from pmm.settings import ServeSettings, parse_pair
from pmm.settings_books import open_books

_NOTHING_OPEN = OpenQuotes(count=0, usd_wad=0, taker_usd_wad=0)


def live_quotes(
    settings: ServeSettings,
    model: QuoteModel,
    pairs: PairBook,
    limits: QuoteLimits,
    *,
    lines: Iterable[bytes],
    left_out: Callable[[int, str], None],
) -> Iterator[RecordedQuote]:
    """Yield each readable request with the market at the moment it came, in the form of a journal's record.

    ``left_out`` is told the number of each other line and why.
    Raises ChainError, NodeUnreachable, and SetupError for a missing deployment record.
    """
    node = Web3Node(settings.rpc_url, timeout_s=settings.rpc_timeout_ms / 1000)
    identity = identify(node)
    default = fork_record_path() if identity.development else live_record_path(identity.chain_id)
    deployment = load_deployment(settings.deployment or default)
    maker = parse_address(deployment.address("RfqSettlement"), "RfqSettlement")
    quoted = [parse_pair(name) for name in settings.pairs]
    pools = pools_of(settings, node, quoted)
    # No lane is read and no signer named: there is none.
    plan = reader_plan(settings, maker=maker, signer=ZERO_ADDRESS, lanes=0, pairs=quoted, pools=pools)
    reader, codec = (
        MarketReader(node, plan, outside_market(settings, open_books(settings))),
        OneInchCodec(tokens=MAINNET_TOKENS, chain_id=identity.chain_id),
    )
    for number, line in enumerate(lines, start=1):
        request = codec.decode(RelayerCall(route=ORDER, request_id=f"shadow-{number}", body=line.strip()))
        if isinstance(request, WireRefusal):
            left_out(number, request.message)
            continue
        pair = pairs.find(maker_asset=request.quote.maker_asset, taker_asset=request.quote.taker_asset)
        if pair is None:
            left_out(number, "the pair is not among PMM_PAIRS")
            continue
        yield _record(number, reader.read(()), request, pair, model, limits)


def _record(
    number: int,
    view: ChainView,
    request: FirmQuoteRequest,
    pair: PairPolicy,
    model: QuoteModel,
    limits: QuoteLimits,
) -> RecordedQuote:
    inputs = _inputs(view, request, pair)
    choice = choose(model, inputs, request.quote, open_quotes=_NOTHING_OPEN, limits=limits)
    kept = quote_inputs(
        model=model.name,
        inputs=inputs,
        request=request.quote,
        open_quotes=_NOTHING_OPEN,
        limits=limits,
        choice=choice,
    )
    return RecordedQuote(
        seq=number,
        quote_id=request.quote.request_id,
        received_at_ms=time.time_ns() // 1_000_000,
        decision=kept.priced,
        detail=choice.decision.detail,
        losing=losing_json(choice.losing),
        pricing=pricing_json(choice.offer) if choice.offer else None,
        decided=RecordedDecision(inputs_text(kept), quote_id=request.quote.request_id),
        snapshot=view.market,
    )


def _inputs(view: ChainView, request: FirmQuoteRequest, pair: PairPolicy) -> ModelInputs:
    maker, taker = request.quote.maker_asset, request.quote.taker_asset
    stock = {
        token.address: Inventory(token=token, balance=view.balances.get(token.address, 0))
        for token in (maker, taker)
    }
    own = request.settlement is Settlement.PMM
    allowed = view.router_allowances.get(maker.address, 0)
    held = stock[maker.address].balance
    deliverable = Inventory(token=maker, balance=held if own else min(held, allowed))
    return ModelInputs(
        snapshot=view.market,
        pair=pair,
        maker_asset=maker,
        taker_asset=taker,
        stock=stock,
        deliverable=deliverable,
        own_domain=own,
    )
