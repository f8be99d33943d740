"""Whatever comes in: an answer with a reason, never an exception, never a signature that nobody asked for."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pmm.domain import MAINNET_TOKENS, USDC, WETH, ZERO_ADDRESS
from pmm.execution import FirmQuoteRequest
from pmm.relayers.codec import RelayerCall, RelayerCodec, Route, RouteKind
from pmm.relayers.refusals import WireRefusal
from pmm.relayers.registry import RelayerSettings, open_codecs
from tests.helpers.quoting import TAKER
from tests.helpers.relayer_site import ASK_1INCH, ASK_OKX, ASK_OKX_EARLIER, open_relayer_site

_CODECS = {codec.profile.name: codec for codec in open_codecs(RelayerSettings(tokens=MAINNET_TOKENS))}
_FIRM = [
    (name, route)
    for name, codec in _CODECS.items()
    for route in codec.profile.routes
    if route.kind is RouteKind.FIRM
]
_IDS = [f"{name}-{route.form}" for name, route in _FIRM]
_GOOD: dict[tuple[str, str], dict[str, Any]] = {
    ("pmm", ""): ASK_1INCH,
    ("1inch", ""): ASK_1INCH,
    ("okx", "current"): ASK_OKX,
    ("okx", "earlier"): ASK_OKX_EARLIER,
}
_texts = st.one_of(
    st.text(max_size=70),
    st.sampled_from([WETH.address, USDC.address, TAKER, TAKER.lower(), "0x", "0x" + "00" * 20, "-1", "1e18"]),
    st.integers(-(2**70), 2**300).map(str),
)
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), _texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_changes = st.dictionaries(st.sampled_from(range(12)), _values, max_size=4)
_LONG_ENOUGH = 200


def _decoded(codec: RelayerCodec, route: Route, body: bytes) -> FirmQuoteRequest | WireRefusal:
    found = codec.decode(RelayerCall(route=route, request_id="r", body=body))
    if isinstance(found, WireRefusal):
        assert found.code
        assert found.message
        assert found.remedy
        assert codec.is_no_quote(route, codec.encode_refusal(route, found))
    else:
        assert found.quote.taking_amount != 0
        assert int(found.quote.taker, 16)
        assert found.relayer == codec.profile.name
        assert found.relayer_nonce is None or 0 <= found.relayer_nonce < 2**64
    return found


@pytest.mark.parametrize(("name", "route"), _FIRM, ids=_IDS)
@given(body=st.binary(max_size=300))
def test_decode__any_bytes__is_a_request_or_a_reason(name: str, route: Route, body: bytes) -> None:
    _decoded(_CODECS[name], route, body)


@pytest.mark.parametrize(("name", "route"), _FIRM, ids=_IDS)
@given(body=_values)
def test_decode__any_json__is_a_request_or_a_reason(name: str, route: Route, body: Any) -> None:
    _decoded(_CODECS[name], route, json.dumps(body).encode())


@example(changes={3: ZERO_ADDRESS})
@example(changes={4: ZERO_ADDRESS})
@example(changes={3: ZERO_ADDRESS, 6: "pmm"})
@settings(max_examples=_LONG_ENOUGH)
@pytest.mark.parametrize(("name", "route"), _FIRM, ids=_IDS)
@given(changes=_changes)
def test_decode__good_request_with_any_fields_changed__is_a_request_or_a_reason(
    name: str, route: Route, changes: dict[int, Any]
) -> None:
    good = _GOOD[name, route.form]
    names = [*good, "quoteAmount", "settlement", "private", "confidenceT", "confidenceRate", "confidenceCap"]
    _decoded(
        _CODECS[name],
        route,
        json.dumps(
            {**good, **{names[index % len(names)]: value for index, value in changes.items()}}
        ).encode(),
    )


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize(("name", "route"), _FIRM, ids=_IDS)
@given(changes=_changes)
def test_server__good_request_with_any_fields_changed__never_500_and_one_answer(
    name: str, route: Route, changes: dict[int, Any]
) -> None:
    good = _GOOD[name, route.form]
    names = [*good, "quoteAmount", "settlement", "private", "confidenceT", "confidenceRate", "confidenceCap"]
    body = {**good, **{names[index % len(names)]: value for index, value in changes.items()}}
    site = open_relayer_site()
    response = site.ask("POST", f"/{name}{route.path}", content=json.dumps(body))
    assert response.status_code in (200, 400, 409, 413, 422, 503)
    signed = [record for record in site.journal.records if record.admitted is not None]
    assert len(signed) == ('"signature"' in response.text)
    assert all(record.body for record in site.journal.records)


@pytest.mark.parametrize(("name", "route"), _FIRM, ids=_IDS)
def test_decode__nested_deeply__is_a_reason(name: str, route: Route) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b'{"amount":"' + b"9" * 100_000 + b'"}'):
        assert isinstance(_decoded(_CODECS[name], route, body), WireRefusal)
