"""What the demo says of its desk, and when its book counts as right."""

from __future__ import annotations

import json
from decimal import Decimal

from pmm.demo.desk_facts import DeskFacts, Hedge, Repayment, Warned, whole
from pmm.domain import USDC, WETH

_ETH, _USD = 10**18, 10**6


def _hedge(at_fill: int = 375 * _ETH // 10) -> Hedge:
    return Hedge(
        number=2,
        sold=USDC.address,
        sold_amount=7_827_355_485,
        bought=WETH.address,
        bought_amount=25 * _ETH // 10,
        cost_usd=Decimal("4.17"),
        delta_usd=Decimal("-7822.4"),
        delta_after_usd=Decimal(0),
        inventory_before=40 * _ETH,
        inventory_at_fill=at_fill,
        inventory_after=40 * _ETH,
        transaction_hash="0x01",
    )


def test_describe__hedge__says_which_way_the_inventory_went_and_that_it_is_back() -> None:
    text = _hedge().describe()
    assert "delta -7,822.40 USD left its band of 3,000, inventory fell from 40 WETH to 37.5 WETH" in text
    assert "sold 7,827.3555 USDC for 2.5 WETH on Uniswap; delta 0.00 USD, inventory 40 WETH again" in text
    assert "rose from 40 WETH to 41.5 WETH" in _hedge(415 * _ETH // 10).describe()


def test_describe__warning_without_a_command__says_so() -> None:
    warned = Warned(
        number=2,
        metric="net_delta_pct[WETH]",
        phases=("warning", "normal"),
        worst_pct=Decimal("-2.83"),
        asked=(),
        after_pct=Decimal(0),
        lasted_s=Decimal("1.25"),
    )
    assert warned.describe() == (
        "net_delta_pct[WETH] normal, warning, normal: -2.83 %, risk asked for nothing; 0.00 % after 1.2 s"
    )


def test_whole__round_hundreds__are_no_powers_of_ten() -> None:
    assert whole(USDC.address, 120_000 * _USD) == "120,000 USDC"
    assert whole(WETH.address, 0) == "0 WETH"


def test_clean__a_difference_or_a_debt__is_not() -> None:
    assert DeskFacts().clean
    assert not DeskFacts(differences=1).clean
    assert not DeskFacts(owed=1).clean


def test_to_json__numbers__are_decimal_strings() -> None:
    repaid = Repayment(token=USDC.address, owed_before=10, repaid=11, owed_after=0)
    raw = json.loads(json.dumps(DeskFacts(hedges=[_hedge()], repayments=[repaid]).to_json()))
    assert raw["hedges"][0]["sold_amount"] == "7827355485"
    assert raw["repayments"] == [
        {"token": USDC.address, "owed_before": "10", "repaid": "11", "owed_after": "0"}
    ]
