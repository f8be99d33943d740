"""The README shows what the commands print."""

from __future__ import annotations

import os

import pytest

from tests.helpers.transcript import printed, shown, without_variables


def test_readme__transcript__is_what_the_demo_prints() -> None:
    if os.environ.get("PMM_LOCALNET_GENUINE") or os.environ.get("MAINNET_RPC_URL"):
        pytest.skip("the transcript is of the ordinary offline mainnet")
    assert without_variables(printed()) == without_variables(shown()), (
        "run python -m tests.helpers.transcript"
    )


def test_without_variables__another_price__is_a_difference() -> None:
    text = shown()
    assert without_variables(text.replace("3150.00", "3150.01")) != without_variables(text)
