"""fillOrderPermit: bytes that are no permit."""

from __future__ import annotations

import pytest

from tests.contracts.portal.portal_desk import USDC_TAKING, PortalDesk


@pytest.mark.parametrize("kind", [0, 4, 255])
@pytest.mark.parametrize("length", [129, 193])
def test_fill_order_permit__unknown_kind__is_refused(portal_desk: PortalDesk, kind: int, length: int) -> None:
    permit = bytes((kind,)) + bytes(length - 1)
    assert portal_desk.permit_refusal(portal_desk.order_for(portal_desk.usdc, USDC_TAKING), permit) == (
        "UnknownPermit",
        kind,
    )


def test_fill_order_permit__no_permit_at_all__is_refused(portal_desk: PortalDesk) -> None:
    assert portal_desk.permit_refusal(portal_desk.order_for(portal_desk.usdc, USDC_TAKING), b"") == (
        "UnknownPermit",
        0,
    )


@pytest.mark.parametrize(
    ("kind", "length", "expected"),
    [
        (1, 1, 129),
        (1, 128, 129),
        (1, 130, 129),
        (1, 193, 129),
        (2, 128, 129),
        (2, 193, 129),
        (3, 129, 193),
        (3, 192, 193),
        (3, 194, 193),
    ],
)
def test_fill_order_permit__another_length__is_refused(
    portal_desk: PortalDesk, kind: int, length: int, expected: int
) -> None:
    permit = bytes((kind,)) + bytes(length - 1)
    refusal = portal_desk.permit_refusal(portal_desk.order_for(portal_desk.usdc, USDC_TAKING), permit)
    assert refusal == ("BadPermitLength", length, expected)
