"""The Balancer V2 Vault: mainnet's code, and flash loans of everything it holds."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from pmm.errors import ChainError
from pmm.localnet.addresses import BALANCER_VAULT, TOKENS, USDC, WETH
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.balancer import PROTOCOL_FEES_COLLECTOR
from tests.fork.protocols.fixture_types import BalanceOf, DeployBorrower

_BORROW = "borrowFromBalancer(address,address[],uint256[])"
# Of the code on mainnet at block 19,934,116.
_CODE_HASH = "9eb70db20a41bfbf4b022fd070fa7f154b7c4aec98177120dde7a958384f4e66"
_INVALID_POST_LOAN_BALANCE = b"BAL#515".hex()


def test_vault__code_hash__is_mainnets(chain: ChainBuilder) -> None:
    assert keccak(chain.code(BALANCER_VAULT)).hex() == _CODE_HASH
    assert chain.code(PROTOCOL_FEES_COLLECTOR)


def test_flash_loan__of_all_five_tokens_whole__lends_and_takes_back_free(
    chain: ChainBuilder, balance: BalanceOf, flash_borrower: DeployBorrower
) -> None:
    borrower = flash_borrower()
    tokens = sorted(TOKENS.values(), key=str.lower)  # the Vault wants ascending addresses
    amounts = [balance(token, BALANCER_VAULT) for token in tokens]

    chain.transact(borrower, _BORROW, BALANCER_VAULT, tokens, amounts, sender=borrower)

    for token, amount in zip(tokens, amounts, strict=True):
        assert chain.read(borrower, "heldInside(address)", token) == amount
        assert chain.read(borrower, "fee(address)", token) == 0
        assert balance(token, BALANCER_VAULT) == amount
    assert balance(WETH, BALANCER_VAULT) >= 10_000 * 10**18
    assert balance(USDC, BALANCER_VAULT) >= 50_000_000 * 10**6


def test_flash_loan__not_repaid__reverts(chain: ChainBuilder, flash_borrower: DeployBorrower) -> None:
    thief = flash_borrower(repays=False)
    with pytest.raises(ChainError, match=_INVALID_POST_LOAN_BALANCE):
        chain.transact(thief, _BORROW, BALANCER_VAULT, [WETH], [10**18], sender=thief)


def test_flash_loan__of_more_than_it_holds__reverts(
    chain: ChainBuilder, balance: BalanceOf, flash_borrower: DeployBorrower
) -> None:
    borrower = flash_borrower()
    too_much = balance(WETH, BALANCER_VAULT) + 1
    with pytest.raises(ChainError, match=b"BAL#528".hex()):
        chain.transact(borrower, _BORROW, BALANCER_VAULT, [WETH], [too_much], sender=borrower)
