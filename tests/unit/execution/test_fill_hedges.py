"""A firm quote hedged inside its fill: what is signed, reserved and journaled, and never on another domain."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from pmm.domain import USDC, WETH, RefusalReason, RouterHookTerms, recover_signer, salt_matches_extension
from pmm.domain.hook_payloads import InventorySource, PostAction, PostHook, PreHook
from pmm.errors import InvariantViolated
from pmm.execution import ChainView, FillHedges, Settlement
from pmm.execution.order_builder import build_order, order_digest
from pmm.journal.encoding import pricing_json
from pmm.journal.inputs_json import RecordedDecision, inputs_text
from pmm.pricing import FillHedgeRules, LendingReading, PairPolicy, SpreadPolicy
from tests.helpers.quoting import MAKER, Desk, chain_view, market, open_test_desk
from tests.unit.execution.test_quote_desk import answered, ask, refused
from tests.unit.pricing.test_funding_plans import _AAVE

_HOOKS = WETH.address
_RULES = FillHedgeRules(required=False, slippage_bps=10, gas_floor=300_000, band_bps=100)
# Hedges of our own are dear.
_PAIR = PairPolicy(
    base=WETH, quote=USDC, gas_asset=WETH, spread=SpreadPolicy(hedge_batch_usd=1_000, impact_share_bps=10_000)
)


def _desk(*lending: LendingReading) -> Desk:
    view = chain_view(market(lending=lending))
    desk = open_test_desk(view, pair=_PAIR)
    hedges = FillHedges(hooks=_HOOKS, rules={(WETH.address, USDC.address): _RULES})
    hooks = _HOOKS if lending else None
    desk.admission.policy = replace(desk.admission.policy, fill_hedges=hedges, hooks=hooks)
    return desk


def test_firm_quote__hedged_inside__carries_the_hook_and_is_reserved_like_any_other() -> None:
    desk = _desk()
    found = answered(desk, ask(taking_amount=10**19))
    signed, order = found.firm.signed_order, found.firm.signed_order.order
    traits = order.traits
    assert (traits.has_extension, traits.pre_interaction, traits.post_interaction) == (True, False, True)
    assert salt_matches_extension(order.salt, signed.extension)
    assert recover_signer(
        order_digest(order, signed.extension, signed.domain, Settlement.ONEINCH), signed.signature
    ) == (desk.signer.address)
    terms = RouterHookTerms.decode(signed.extension)
    assert (terms.hooks, terms.pre) == (_HOOKS, None)
    assert terms.post is not None
    hook = PostHook.decode(terms.post)
    assert (hook.action, hook.required, hook.gas_floor) == (PostAction.HEDGE, False, 300_000)
    assert hook.hedge is not None
    assert hook.hedge.minimum_out >= order.making_amount
    assert desk.book.reserved(USDC.address) == order.making_amount == found.admitted.reserved_amount


def test_firm_quote__hedged_inside__is_journaled_with_all_that_it_was_made_from() -> None:
    desk = _desk()
    found = answered(desk, ask(taking_amount=10**19))
    (record,) = desk.journal.records
    written = orjson.loads(pricing_json(found.admitted.offer))
    assert written["funding"] == "inventory_hedged_uniswap_v3_500"
    hedge = found.admitted.offer.hedge
    assert hedge is not None
    assert written["hedge"] == {
        "required": False,
        "gasFloor": 300_000,
        "shareBps": 10_000,
        "minimumOut": str(hedge.sale.minimum_out),
        "expectedOut": str(hedge.expected_out),
        "plan": f"0x{hedge.sale.plan:064x}",
    }
    assert record.inputs is not None
    assert record.market is not None
    again = RecordedDecision(inputs_text(record.inputs), quote_id="r").inputs(record.market, _PAIR)
    assert again.fill_hedge == _RULES
    losing = {getattr(one, "name", "") for one in record.losing}
    assert losing == {"inventory", "inventory_hedged_uniswap_v3_3000"}


def test_firm_quote__lending_account_delivers__carries_both_hooks() -> None:
    desk = _desk(_AAVE)
    view = desk.market.answer
    assert isinstance(view, ChainView)
    allowed = {WETH.address: 40 * 10**18, USDC.address: 10**12}
    held = {**allowed, USDC.address: 10**9}
    desk.market.answer = replace(view, router_allowances=allowed, balances=held)
    found = answered(desk, ask(taking_amount=10**19))
    terms = RouterHookTerms.decode(found.firm.signed_order.extension)
    assert found.admitted.offer.name.startswith("aave_v3_withdraw_hedged_")
    assert terms.pre is not None
    assert terms.post is not None
    assert PreHook.decode(terms.pre).source is found.admitted.offer.provide
    assert PostHook.decode(terms.post).action is PostAction.HEDGE


def test_firm_quote__on_our_own_domain__is_never_hedged_inside() -> None:
    found = answered(_desk(), ask(settlement=Settlement.PMM, taking_amount=10**19))
    assert found.admitted.offer.hedge is None
    assert found.firm.signed_order.extension == b"" or found.admitted.offer.plan is not None


def test_build_order__hedge_without_hooks_or_on_our_own_domain__is_refused() -> None:
    desk = _desk()
    found = answered(desk, ask(taking_amount=10**19))
    offer = found.admitted.offer
    assert offer.hedge is not None
    own = answered(desk, ask(settlement=Settlement.PMM, request_id="q")).admitted.nonce
    for nonce, hooks in ((found.admitted.nonce, None), (own, _HOOKS)):
        with pytest.raises(InvariantViolated, match="1inch's domain only, found PostHook"):
            build_order(
                ask().quote,
                offer.priced,
                maker=MAKER,
                nonce=nonce,
                lane=0,
                epoch=0,
                expiration_s=1,
                private=False,
                plan=None,
                random_bits=lambda bits: 0,
                hooks=hooks,
                hedge=offer.hedge.hook,
            )


def _with_caps(view: ChainView) -> ChainView:
    return replace(view, lanes=tuple(replace(lane, caps=True) for lane in view.lanes))


def test_firm_quote__caps_are_on__has_them_counted_by_the_hooks_and_on_1inch_alone() -> None:
    desk = open_test_desk(_with_caps(chain_view()))
    desk.admission.policy = replace(desk.admission.policy, router_hooks=_HOOKS)
    counted = answered(desk, ask(taking_amount=10**18)).firm.signed_order
    traits = counted.order.traits
    assert (traits.has_extension, traits.pre_interaction, traits.post_interaction) == (True, True, False)
    assert salt_matches_extension(counted.order.salt, counted.extension)
    terms = RouterHookTerms.decode(counted.extension)
    assert terms.hooks == _HOOKS
    assert terms.pre == PreHook(source=InventorySource.NONE).encode()
    own = answered(
        desk, ask(taking_amount=10**18, request_id="own", settlement=Settlement.PMM)
    ).firm.signed_order
    assert not own.order.traits.pre_interaction


def test_firm_quote__caps_are_on_and_nobody_counts_them__is_refused_on_1inch_alone() -> None:
    desk = open_test_desk(_with_caps(chain_view()))
    found = refused(desk, ask(taking_amount=10**18))
    assert found.reason is RefusalReason.UNSAFE_TO_SIGN
    assert "RouterHooks" in found.detail
    answered(desk, ask(taking_amount=10**18, request_id="own", settlement=Settlement.PMM))
