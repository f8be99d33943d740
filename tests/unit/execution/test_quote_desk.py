"""The desk: what it signs, what it refuses, and that nothing leaves before the journal has it."""

import asyncio
from dataclasses import replace

import pytest

from pmm.domain import (
    USDC,
    WBTC,
    WETH,
    Decision,
    OwnDomainTerms,
    QuoteRequest,
    RefusalReason,
    Token,
    allowed_sender_of,
    order_hash,
    recover_signer,
    salt_epoch,
)
from pmm.errors import UnsafeToSign
from pmm.execution import (
    CONTRACT_VENUES,
    AnsweredQuote,
    ChainView,
    FirmQuoteRequest,
    JournalUnavailable,
    OutcomeKind,
    QuoteOutcome,
    QuoteRecord,
    Settlement,
)
from pmm.risk import QuoteLimits
from tests.helpers.quoting import (
    CHAIN_TIME_S,
    ETH_USD,
    GETH,
    MAKER,
    TAKER,
    Desk,
    MemoryJournal,
    chain_view,
    feed,
    lane_state,
    market,
    open_test_desk,
)

_ONE_WETH = 10**18


def ask(
    *,
    taker_asset: Token = WETH,
    maker_asset: Token = USDC,
    settlement: Settlement = Settlement.ONEINCH,
    private: bool = False,
    ttl_s: int | None = None,
    chain_id: int = 1,
    fee_bps: int = 0,
    request_id: str = "r",
    **amounts: int,
) -> FirmQuoteRequest:
    quote = QuoteRequest(
        request_id=request_id,
        chain_id=chain_id,
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        taker=TAKER,
        fee_bps=fee_bps,
        **(amounts or {"taking_amount": _ONE_WETH}),
    )
    return FirmQuoteRequest(
        quote=quote, settlement=settlement, private=private, ttl_s=ttl_s, body=b'{"any": "body"}'
    )


def firm(desk: Desk, request: FirmQuoteRequest) -> AnsweredQuote | Decision:
    return asyncio.run(desk.desk.firm_quote(request))


def answered(desk: Desk, request: FirmQuoteRequest) -> AnsweredQuote:
    found = firm(desk, request)
    assert isinstance(found, AnsweredQuote), found
    return found


def refused(desk: Desk, request: FirmQuoteRequest) -> Decision:
    found = firm(desk, request)
    assert isinstance(found, Decision)
    assert not found.accepted
    return found


def test_firm_quote__on_1inch__is_a_plain_order_for_the_taker() -> None:
    desk = open_test_desk(chain_view(lanes=(lane_state(0, epoch=7),)))
    signed = answered(desk, ask()).firm.signed_order
    order, traits = signed.order, signed.order.traits
    assert (order.maker, order.taker_asset, order.maker_asset) == (MAKER, WETH.address, USDC.address)
    assert order.taking_amount == _ONE_WETH
    assert 2_990 * 10**6 < order.making_amount < 3_000 * 10**6
    assert traits.allowed_sender == allowed_sender_of(TAKER)
    assert traits.expiration_s == CHAIN_TIME_S + 30
    assert not traits.allow_multiple_fills
    assert not traits.has_extension
    assert salt_epoch(order.salt) == 7
    assert order.salt % 2**160 == 0  # cheap, and fit for the compact forms
    assert signed.extension == b""
    assert recover_signer(order_hash(order, signed.domain), signed.signature) == desk.signer.address


def test_firm_quote__exact_output_on_pmm__gives_exactly_that() -> None:
    desk = open_test_desk()
    signed = answered(
        desk,
        ask(taker_asset=USDC, maker_asset=WETH, settlement=Settlement.PMM, making_amount=2 * _ONE_WETH),
    ).firm.signed_order
    assert signed.order.making_amount == 2 * _ONE_WETH
    assert 6_000 * 10**6 < signed.order.taking_amount < 6_020 * 10**6
    assert signed.domain.verifying_contract == MAKER


def test_firm_quote__more_than_inventory_on_pmm__is_flash_funded_whole_or_not_at_all() -> None:
    desk = open_test_desk()
    request = ask(taker_asset=USDC, maker_asset=WETH, settlement=Settlement.PMM, making_amount=60 * _ONE_WETH)
    found = answered(desk, request)
    terms = OwnDomainTerms.decode(found.firm.signed_order.extension)
    assert terms.funding_plan is not None
    assert terms.private_taker is None
    assert found.firm.signed_order.order.traits.no_partial_fills
    # Flash funds pay: no inventory is held back.
    assert desk.book.reserved(WETH.address) == 0
    assert desk.book.open_quotes(TAKER).count == 1


def test_firm_quote__more_than_inventory_on_1inch__is_refused() -> None:
    desk = open_test_desk()
    request = ask(taker_asset=USDC, maker_asset=WETH, making_amount=60 * _ONE_WETH)
    assert refused(desk, request).reason is RefusalReason.INSUFFICIENT_INVENTORY


def test_firm_quote__beyond_the_router_allowance__is_refused_on_1inch_only() -> None:
    view = chain_view(router_allowances={WETH.address: 0, USDC.address: 10**6})
    desk = open_test_desk(view)
    assert refused(desk, ask()).reason is RefusalReason.INSUFFICIENT_INVENTORY
    answered(desk, ask(settlement=Settlement.PMM))


def test_firm_quote__private__names_the_whole_taker() -> None:
    signed = answered(open_test_desk(), ask(settlement=Settlement.PMM, private=True)).firm.signed_order
    assert OwnDomainTerms.decode(signed.extension).private_taker == TAKER


def test_firm_quote__quotes_in_a_row__reserve_until_inventory_is_gone() -> None:
    desk = open_test_desk()
    sizes = []
    for number in range(20):
        found = firm(desk, ask(request_id=str(number), taking_amount=3 * _ONE_WETH))
        if isinstance(found, Decision):
            assert found.reason is RefusalReason.INSUFFICIENT_INVENTORY
            break
        sizes.append(found.admitted.order.making_amount)
    assert len(sizes) == 13
    assert desk.book.reserved(USDC.address) == sum(sizes) < 120_000 * 10**6


def test_firm_quote__inventory_shrinks__skews_the_price_against_the_next_taker() -> None:
    desk = open_test_desk()
    first = answered(desk, ask(request_id="1", taking_amount=10 * _ONE_WETH)).admitted.order
    second = answered(desk, ask(request_id="2", taking_amount=10 * _ONE_WETH)).admitted.order
    assert second.making_amount < first.making_amount


def test_firm_quote__life_asked_for__is_the_shorter_of_both() -> None:
    desk = open_test_desk()
    short = answered(desk, ask(request_id="1", ttl_s=5)).admitted
    long = answered(desk, ask(request_id="2", ttl_s=9_999)).admitted
    assert short.expiration_s == CHAIN_TIME_S + 5
    assert long.expiration_s == CHAIN_TIME_S + 30


def test_firm_quote__contract_allows_less__stays_inside_its_maximum() -> None:
    desk = open_test_desk(chain_view(lanes=(lane_state(0, max_expiry_s=12),)))
    assert answered(desk, ask()).admitted.expiration_s == CHAIN_TIME_S + 10


def test_firm_quote__contract_allows_no_life_at_all__is_refused_and_frees_the_nonce() -> None:
    desk = open_test_desk(chain_view(lanes=(lane_state(0, max_expiry_s=2),)))
    assert refused(desk, ask(settlement=Settlement.PMM)).reason is RefusalReason.LIMIT_REACHED
    assert desk.book.open_quotes(TAKER).count == 0


def test_firm_quote__time_passes_since_the_view__expiry_moves_with_it() -> None:
    desk = open_test_desk()
    desk.clock.now_s = 2.5
    assert answered(desk, ask()).admitted.expiration_s == CHAIN_TIME_S + 2 + 30


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (chain_view(node=GETH), RefusalReason.UNSAFE_TO_SIGN),
        (chain_view(lanes=(lane_state(0, authorised=False),)), RefusalReason.PAUSED),
        (chain_view(lanes=(lane_state(0, paused=True),)), RefusalReason.PAUSED),
        (chain_view(tradable=frozenset({WETH.address})), RefusalReason.PAIR_NOT_QUOTED),
        (chain_view(market(pool_eth_usd=ETH_USD * 11 // 10)), RefusalReason.PRICE_DEVIATION),
        (
            chain_view(
                market(
                    feeds={
                        WETH.address: feed("ETH / USD", ETH_USD, updated_at_s=CHAIN_TIME_S - 7_200),
                        USDC.address: feed("USDC / USD", 10**8),
                    }
                )
            ),
            RefusalReason.STALE_PRICE,
        ),
    ],
)
def test_firm_quote__chain_not_as_it_must_be__is_refused_and_signs_nothing(
    view: ChainView, reason: RefusalReason
) -> None:
    desk = open_test_desk()
    desk.market.answer = view
    assert refused(desk, ask()).reason is reason
    (record,) = desk.journal.records
    assert record.decision.reason is reason
    assert record.admitted is None
    assert desk.book.open_quotes(TAKER).count == 0


def test_firm_quote__no_view__is_refused_with_the_reason_of_the_node() -> None:
    desk = open_test_desk()
    desk.market.answer = Decision.refuse(RefusalReason.NODE_UNAVAILABLE, "the node is gone")
    assert refused(desk, ask()) == desk.market.answer
    assert desk.journal.records[0].market is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ask(chain_id=10), RefusalReason.UNKNOWN_CHAIN),
        (ask(maker_asset=WBTC), RefusalReason.PAIR_NOT_QUOTED),
        (ask(fee_bps=101), RefusalReason.FEE_TOO_HIGH),
        (ask(taking_amount=10**12), RefusalReason.AMOUNT_TOO_SMALL),
        (ask(taking_amount=1), RefusalReason.AMOUNT_TOO_SMALL),
        (ask(taking_amount=10**30), RefusalReason.AMOUNT_TOO_LARGE),
        (ask(taking_amount=2**256 - 1, settlement=Settlement.PMM), RefusalReason.AMOUNT_TOO_LARGE),
        (ask(making_amount=2**256 - 1, settlement=Settlement.PMM), RefusalReason.AMOUNT_TOO_LARGE),
    ],
)
def test_firm_quote__request_beyond_what_we_do__is_refused_and_journaled(
    request_: FirmQuoteRequest, reason: RefusalReason
) -> None:
    desk = open_test_desk()
    assert refused(desk, request_).reason is reason
    assert [record.decision.reason for record in desk.journal.records] == [reason]


def test_firm_quote__limit_of_live_quotes__is_refused_until_one_ends() -> None:
    desk = open_test_desk(limits=QuoteLimits(max_live_quotes=1))
    answered(desk, ask(request_id="1"))
    assert refused(desk, ask(request_id="2")).reason is RefusalReason.LIMIT_REACHED
    asyncio.run(desk.settle(chain_view(expiry_clock_s=CHAIN_TIME_S + 31)))
    answered(desk, ask(request_id="3"))


def test_firm_quote__every_lane_full__is_refused_as_no_nonce() -> None:
    desk = open_test_desk(lanes=(0,))
    for number in range(160):
        answered(desk, ask(request_id=str(number), settlement=Settlement.PMM, taking_amount=_ONE_WETH // 100))
    last = ask(request_id="last", settlement=Settlement.PMM, taking_amount=_ONE_WETH // 100)
    assert refused(desk, last).reason is RefusalReason.NO_NONCE


def test_firm_quote__many_quotes__never_repeat_a_nonce_or_an_order() -> None:
    desk = open_test_desk()
    quotes = [
        answered(desk, ask(request_id=f"{venue}{n}", settlement=venue, taking_amount=_ONE_WETH // 100))
        for n in range(40)
        for venue in CONTRACT_VENUES
    ]
    assert len({quote.admitted.nonce for quote in quotes}) == 80
    assert len({quote.admitted.order_hash for quote in quotes}) == 80


def test_firm_quote__journal_refuses__no_signature_leaves_and_inventory_is_free_again() -> None:
    desk = open_test_desk(journal=MemoryJournal(fails="disk full"))
    decision = refused(desk, ask(settlement=Settlement.PMM))
    assert decision.reason is RefusalReason.JOURNAL_UNAVAILABLE
    assert "disk full" in decision.detail
    assert desk.book.open_quotes(TAKER).count == 0
    assert desk.book.reserved(USDC.address) == 0
    desk.journal.fails = None
    # The nonce of the refused quote stays burnt.
    assert answered(desk, ask(settlement=Settlement.PMM)).admitted.nonce.lane == 1


class _SlowJournal(MemoryJournal):
    """A journal whose disk hangs until it is told how to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def append(self, record: QuoteRecord) -> None:
        await self.go_on.wait()
        await super().append(record)


@pytest.mark.parametrize(("fails", "left"), [(None, 1), ("disk full", 0)])
def test_firm_quote__journal_hangs__is_refused_and_stays_reserved_until_the_journal_answers(
    fails: str | None, left: int
) -> None:
    async def run() -> None:
        journal = _SlowJournal()
        desk = open_test_desk(journal=journal)
        desk.admission.policy = replace(desk.policy, journal_timeout_s=0.01)
        found = await desk.desk.firm_quote(ask())
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE
        # It may still be written.
        assert len(desk.book) == 1
        journal.fails = fails
        journal.go_on.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(desk.book) == left

    asyncio.run(run())


def test_firm_quote__signature_is_broken__is_refused_and_stays_reserved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> None:
        raise UnsafeToSign("a signature of somebody else")

    desk = open_test_desk()
    monkeypatch.setattr(desk.signer, "sign", broken)
    assert refused(desk, ask()).reason is RefusalReason.UNSAFE_TO_SIGN
    # The journal says that it was admitted: only the chain ends it now.
    assert desk.book.open_quotes(TAKER).count == 1


def test_settle__quote_expired__journals_the_signature_then() -> None:
    desk = open_test_desk()
    quote = answered(desk, ask())
    asyncio.run(desk.settle(chain_view()))
    assert desk.journal.outcomes == []
    asyncio.run(desk.settle(chain_view(expiry_clock_s=CHAIN_TIME_S + 31)))
    (outcome,) = desk.journal.outcomes
    assert outcome.kind is OutcomeKind.EXPIRED
    assert outcome.signature == quote.firm.signed_order.signature.to_bytes65()
    assert desk.book.open_quotes(TAKER).count == 0


def test_settle__nonce_spent__frees_inventory() -> None:
    desk = open_test_desk()
    quote = answered(desk, ask())
    assert desk.desk.watched() == (quote.admitted.nonce,)
    asyncio.run(desk.settle(chain_view(spent=frozenset({quote.admitted.nonce}))))
    assert desk.journal.outcomes[0].kind is OutcomeKind.SPENT
    assert desk.book.reserved(USDC.address) == 0


def test_settle__journal_fails__keeps_the_outcome_for_the_next_time() -> None:
    desk = open_test_desk()
    answered(desk, ask())
    desk.journal.fails = "locked"
    with pytest.raises(JournalUnavailable, match="locked"):
        asyncio.run(desk.settle(chain_view(expiry_clock_s=CHAIN_TIME_S + 31)))
    desk.journal.fails = None
    asyncio.run(desk.settle(chain_view()))
    assert len(desk.journal.outcomes) == 1


class _HangingOutcomes(MemoryJournal):
    """A journal that never confirms an outcome."""

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        await asyncio.Event().wait()


def test_settle__journal_hangs__gives_up_and_keeps_the_outcome() -> None:
    desk = open_test_desk(journal=_HangingOutcomes())
    answered(desk, ask())
    with pytest.raises(JournalUnavailable, match="did not confirm"):
        asyncio.run(desk.settle(chain_view(expiry_clock_s=CHAIN_TIME_S + 31)))
    assert desk.book.reserved(USDC.address) == 0
    assert len(desk.desk.ends._unwritten) == 1


def test_firm_quote__accepted_on_pmm__journals_winning_and_losing_plans() -> None:
    desk = open_test_desk()
    answered(desk, ask(settlement=Settlement.PMM))
    (record,) = desk.journal.records
    assert record.admitted is not None
    assert record.admitted.offer.name == "inventory"
    assert {entry.name for entry in record.losing} >= {"uniswap_v3_swap_500", "morpho_blue_loan_3000"}


def test_ladders__nothing_to_sell__has_no_levels() -> None:
    view = chain_view(balances={WETH.address: 0, USDC.address: 10**9})
    found = asyncio.run(open_test_desk(view).desk.ladders())
    assert not isinstance(found, Decision)
    by_asset = {entry.maker_asset.symbol: entry.levels for entry in found[1]}
    assert by_asset["WETH"] == ()
    assert by_asset["USDC"]


def test_ladders__stale_feed__is_refused() -> None:
    stale = market(feeds={WETH.address: feed("ETH / USD", 0), USDC.address: feed("USDC / USD", 10**8)})
    found = asyncio.run(open_test_desk(chain_view(stale)).desk.ladders())
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.STALE_PRICE


def test_ladders__signer_paused__is_refused() -> None:
    found = asyncio.run(open_test_desk(chain_view(lanes=(lane_state(0, paused=True),))).desk.ladders())
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.PAUSED


def test_unreadable__any_body__is_in_the_journal() -> None:
    desk = open_test_desk()
    recorded = asyncio.run(
        desk.desk.unreadable(quote_id="q", relayer="1inch", body=b"{", code="invalid_json", detail="cut")
    )
    assert recorded.accepted
    (record,) = desk.journal.records
    assert (record.unreadable_code, record.body) == ("invalid_json", b"{")
