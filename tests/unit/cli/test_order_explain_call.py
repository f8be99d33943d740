"""What ``pmm order explain`` says of the calls that our settlement alone has, and of its own fields of an order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pmm.domain import (
    USDC,
    WETH,
    BatchCall,
    BatchFill,
    CompactCall,
    CompactOrder,
    DaiPermit,
    Eip2612Permit,
    Permit2Permit,
    RfqOrder,
    RouterHookTerms,
    TakerTraits,
    build_salt,
    encode_fill,
    oneinch_domain,
    parse_address,
    settlement_domain,
    sign_order,
    to_hex,
)
from pmm.domain.permits import Permit
from tests.unit.cli.order_command import RunOrder, run_order
from tests.unit.domain.test_verification import KEY, NOW_S, SETTLEMENT, order_of

__all__ = ["run_order"]

OWN = settlement_domain(1, SETTLEMENT)
AT_NOW = ("--now", str(NOW_S), "--signer", KEY.address)
SIGNED = sign_order(order_of(SETTLEMENT), OWN, KEY)
SIGNATURE = KEY.sign(bytes(32))
WHOLE = TakerTraits(maker_amount=True)


def _rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _decaying(min_fill_255ths: int = 0) -> RfqOrder:
    order = order_of(SETTLEMENT)
    traits = replace(
        order.traits,
        decay_start_s=60,
        decay_slope_centi_bps_s=50,
        decay_cap_tenth_bps=123,
        min_fill_255ths=min_fill_255ths,
    )
    return replace(order, maker_traits=traits.encode())


def test_explain__decay_and_smallest_fill__are_said_in_bps_and_percent(run_order: RunOrder) -> None:
    order = _decaying(min_fill_255ths=51)
    rows = _rows(run_order("explain", *AT_NOW, "--domain", "pmm", stdin=[order.to_dict()]).out)
    assert "smallest fill 51/255 (20 %) of what it gives" in rows
    assert "gives 0.5 bps less each second from 60 s before the expiration on, at most 12.3 bps less" in rows
    # 30 s into the decay it has reached the cap.
    assert "gives now 0.99877 WETH (998770000000000000 base units)" in rows


def test_explain__bits_of_ours_on_1inch__are_called_ours(run_order: RunOrder) -> None:
    order = replace(_decaying(), maker=KEY.address)
    rows = _rows(run_order("explain", *AT_NOW, stdin=[order.to_dict()]).out)
    assert any("ours; 1inch itself ignores them" in row for row in rows)
    assert not any(row.startswith("gives now") for row in rows)


def test_explain__contract_signature_over_refused_terms__says_so(run_order: RunOrder) -> None:
    signed = sign_order(_decaying(), oneinch_domain(), KEY)
    record = {**signed.order.to_dict(), "signature": to_hex(signed.contract_signature())}
    rows = _rows(run_order("explain", *AT_NOW, stdin=[record]).out)
    assert any(row.startswith("- traits: refused in our orders on 1inch: decay") for row in rows)


def test_explain__hooks_on_1inch__are_shown(run_order: RunOrder) -> None:
    terms = RouterHookTerms(hooks=parse_address("0x" + "cd" * 20), pre=b"\x01\x02", post=b"")
    extension, order = terms.encode(), order_of(SETTLEMENT)
    order = replace(
        order,
        salt=build_salt(epoch=0, upper=1, extension=extension),
        maker_traits=replace(order.traits, **terms.trait_fields).encode(),
    )
    signed = sign_order(order, oneinch_domain(), KEY, extension)
    record = {
        **order.to_dict(),
        "signature": to_hex(signed.contract_signature()),
        "extension": to_hex(extension),
    }
    rows = _rows(run_order("explain", *AT_NOW, stdin=[record]).out)
    assert f"hook before the maker leg: {terms.hooks} is told 2 bytes 0x0102" in rows
    assert f"hook after the maker leg: {terms.hooks} is told nothing" in rows
    assert "would fill now, as far as this can tell." in rows


def test_explain__compact_fill__shows_words_amounts_and_indices(run_order: RunOrder) -> None:
    words = CompactOrder.of(SIGNED.order, (USDC.address, WETH.address))
    data = CompactCall(words=words, signature=SIGNED.signature).encode()
    rows = _rows(run_order("explain", *AT_NOW, stdin=to_hex(data)).out)
    assert rows[0] == "Call fillOrderCompact (a whole fill of a plain order)"
    assert "gives 1000000000000000000 base units of core token 1" in rows
    assert "wants 2500000000 base units of core token 0" in rows


def test_explain__batch__explains_every_entry(run_order: RunOrder) -> None:
    first = BatchFill.of(SIGNED, amount=10**18, taker_traits=WHOLE, value_wei=7)
    second = BatchFill.of(SIGNED, amount=0, taker_traits=WHOLE)
    data = BatchCall(fills=(first, second), optional=frozenset({1})).encode()
    done = run_order("explain", *AT_NOW, stdin=to_hex(data))
    rows = _rows(done.out)
    assert rows[:3] == [
        "Call fillOrders (2 fills)",
        "optional 1: skipped where they fail; any other failure reverts them all",
        "value 7 wei lent to the entries together",
    ]
    assert [row for row in rows if row.startswith("Fill ")] == ["Fill 0", "Fill 1"]
    assert rows.count(f"domain pmm RfqSettlement, version 1, chain 1, contract {SETTLEMENT}") == 2
    assert rows.count("would fill now, as far as this can tell.") == 1
    assert any("ZeroAmount" in row for row in rows)


def test_explain__batch_said_to_go_to_1inch__is_an_error(run_order: RunOrder) -> None:
    data = BatchCall(fills=(BatchFill.of(SIGNED, amount=1, taker_traits=WHOLE),)).encode()
    done = run_order("explain", *AT_NOW, "--domain", "1inch", stdin=to_hex(data))
    assert done.status == 2
    assert "fillOrders exists on our settlement only" in done.err


PERMIT2_PERMIT = Permit2Permit(
    amount=5, expiration_s=NOW_S, nonce=3, sig_deadline_s=NOW_S, signature=SIGNATURE
)


@pytest.mark.parametrize(
    ("permit", "by_permit2", "expected"),
    [
        (
            Eip2612Permit(value=5, deadline_s=NOW_S, signature=SIGNATURE),
            False,
            "permit EIP-2612, 5 base units until 2023-11-14 22:13:20 UTC",
        ),
        (
            DaiPermit(nonce=3, expiry_s=0, signature=SIGNATURE),
            False,
            "permit DAI, no limit, nonce 3, for ever",
        ),
        (
            PERMIT2_PERMIT,
            True,
            "permit Permit2, 5 base units until 2023-11-14 22:13:20 UTC, nonce 3, to be used until "
            "2023-11-14 22:13:20 UTC",
        ),
    ],
)
def test_explain__permit__is_described(
    run_order: RunOrder, permit: Permit, by_permit2: bool, expected: str
) -> None:
    traits = replace(WHOLE, use_permit2=by_permit2)
    data = encode_fill(SIGNED, amount=1, taker_traits=traits, permit=permit.encode())
    rows = _rows(run_order("explain", *AT_NOW, stdin=to_hex(data)).out)
    assert rows[0] == "Call fillOrderPermit"
    assert expected in rows
    assert not any("of no use here" in row for row in rows)


@pytest.mark.parametrize(
    ("permit", "by_permit2", "expected"),
    [
        (
            PERMIT2_PERMIT.encode(),
            False,
            "it is of no use here: USE_PERMIT2 is clear, so the settlement pulls by the token itself",
        ),
        (
            DaiPermit(nonce=3, expiry_s=0, signature=SIGNATURE).encode(),
            True,
            "it is of no use here: USE_PERMIT2 is set, so the settlement pulls by Permit2",
        ),
        (
            b"\x09",
            False,
            "permit permit: expected a kind of 1 (EIP-2612), 2 (DAI) or 3 (Permit2), found 9; the contract "
            "ignores it, an allowance must stand without it",
        ),
    ],
)
def test_explain__permit_of_no_use__says_so(
    run_order: RunOrder, permit: bytes, by_permit2: bool, expected: str
) -> None:
    traits = replace(WHOLE, use_permit2=by_permit2)
    data = encode_fill(SIGNED, amount=1, taker_traits=traits, permit=permit)
    assert expected in _rows(run_order("explain", *AT_NOW, stdin=to_hex(data)).out)


def test_explain__revert_data__is_put_into_words_without_reading_stdin(run_order: RunOrder) -> None:
    data = "0xb5bb0d8a"
    done = run_order("explain", "--revert", data, stdin="")
    assert done.status == 0
    assert done.out.startswith("unknown error(0xb5bb0d8a): an error that is none of ours")


def test_explain__revert_that_is_no_hex__is_refused(run_order: RunOrder) -> None:
    done = run_order("explain", "--revert", "OrderExpired", stdin="")
    assert done.status == 2
    assert "--revert: expected 0x hex" in done.err
