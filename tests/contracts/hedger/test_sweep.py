"""``sweep``: anyone may send what lies on the hedger to the settlement contract, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.domain import DAI, USDC, USDT, WETH
from tests.contracts.hedger.funded_fills import TokenTrick


@pytest.mark.parametrize("token", [WETH, USDC, USDT, DAI])
def test_sweep__token_lies_there__goes_to_the_settlement_contract(
    token: Any, probed_hedger: Any, mock_settlement: Any, attacker: Any, deal: Any, balance_of: Any
) -> None:
    deal(token.address, probed_hedger, 12_345)
    before = balance_of(token.address, mock_settlement)

    receipt = probed_hedger.sweep(token.address, sender=attacker)

    assert receipt.return_value == 12_345
    assert balance_of(token.address, probed_hedger) == 0
    assert balance_of(token.address, mock_settlement) - before == 12_345


def test_sweep__nothing_lies_there__moves_nothing(probed_hedger: Any, attacker: Any) -> None:
    receipt = probed_hedger.sweep(USDC.address, sender=attacker)

    assert receipt.return_value == 0
    assert not receipt.logs


def test_sweep__token_refuses__reverts(
    probed_hedger: Any, mock_settlement: Any, trick_token: Any, attacker: Any, refusal_of: Any
) -> None:
    trick_token.mint(probed_hedger, 9, sender=attacker)
    trick_token.setTrick(TokenTrick.REFUSE_TRANSFER, trick_token, b"", sender=attacker)

    refusal = refusal_of(probed_hedger.sweep, trick_token, sender=attacker)

    assert refusal == ("TransferRefused", trick_token.address.lower(), mock_settlement.address.lower(), 9)


def test_sweep__token_without_code__reverts(probed_hedger: Any, attacker: Any, refusal_of: Any) -> None:
    assert refusal_of(probed_hedger.sweep, attacker.address, sender=attacker) == ("",)
