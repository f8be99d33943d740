"""A firm quote is never better than the ladder of the same moment, read as the relayer reads both."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import MAINNET_TOKENS, okx_domain, oneinch_domain
from pmm.relayers.codec import Ask, Route, RouteKind
from pmm.relayers.conformance import shown_amount
from pmm.relayers.registry import RelayerSettings, open_codecs
from tests.helpers.quoting import TAKER
from tests.helpers.relayer_site import open_relayer_site

_CODECS = {codec.profile.name: codec for codec in open_codecs(RelayerSettings(tokens=MAINNET_TOKENS))}
_FORMS = [(name, form) for name, form in (("1inch", ""), ("okx", "current"), ("okx", "earlier"))]
# Both sides of the ladder are rounded to whole base units and to 24 digits.
_DUST = Decimal("1e-12")


def _route(name: str, form: str, kind: RouteKind) -> Route:
    return next(route for route in _CODECS[name].profile.routes if (route.form, route.kind) == (form, kind))


@pytest.mark.parametrize(("name", "form"), _FORMS)
@settings(max_examples=30, deadline=None)
@given(share=st.integers(1, 900), side=st.integers(0, 1))
def test_quote__any_size_on_either_side__is_the_ladder_rounded_down(
    name: str, form: str, share: int, side: int
) -> None:
    site, codec = open_relayer_site(), _CODECS[name]
    levels, firm = _route(name, form, RouteKind.LEVELS), _route(name, form, RouteKind.FIRM)
    shown = site.ask("GET", f"/{name}{levels.path}?{codec.levels_query(levels)}")
    ladder = codec.read_levels(levels, shown.content)[side]
    taker, maker = MAINNET_TOKENS.find(ladder.taker_asset), MAINNET_TOKENS.find(ladder.maker_asset)
    assert taker is not None
    assert maker is not None
    depth = sum((level.size for level in ladder.levels), Decimal(0))
    taking = int((depth * share / 1_000).scaleb(taker.decimals))
    ask = Ask(
        taker_asset=taker.address, maker_asset=maker.address, taking_amount=taking, taker=TAKER, number=share
    )
    answer = site.ask("POST", f"/{name}{firm.path}", content=codec.ask(firm, ask))
    domain = okx_domain() if name == "okx" else oneinch_domain()
    quote = codec.read_quote(firm, answer.content, domain)
    promised = shown_amount(ladder.levels, Decimal(taking).scaleb(-taker.decimals))
    given_amount = Decimal(quote.making_amount).scaleb(-maker.decimals)
    assert promised is not None
    assert given_amount <= promised
    # No bias beyond rounding: one base unit, and the digits of the ladder.
    assert promised - given_amount <= Decimal(10) * Decimal(1).scaleb(-maker.decimals) + promised * _DUST
