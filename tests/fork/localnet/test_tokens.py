"""Tokens behave as the real ones, and accounts can be given any amount of them."""

from __future__ import annotations

import pytest

from pmm.chain.abi import encode_call
from pmm.chain.rpc import JsonRpc
from pmm.errors import ChainError, InvalidInput
from pmm.localnet.addresses import (
    BUILDER,
    DAI,
    TOKEN_DECIMALS,
    TOKENS,
    USDC,
    USDT,
    WBTC,
    WETH,
    keyless_account,
)
from pmm.localnet.funding import NATIVE, balance_of, deal, find_balance_slot
from pmm.localnet.placement import ChainBuilder

OTHER = keyless_account("localnet test receiver")


@pytest.mark.parametrize("symbol", TOKENS)
def test_token__decimals_and_symbol__are_the_real_ones(chain: ChainBuilder, symbol: str) -> None:
    token = TOKENS[symbol]
    assert chain.read(token, "decimals()") == TOKEN_DECIMALS[token]
    assert chain.read(token, "symbol()", returns=("string",)) == symbol


@pytest.mark.parametrize("symbol", TOKENS)
@pytest.mark.parametrize("amount", [0, 1, 10**13])
def test_deal__any_token__leaves_exactly_the_amount(
    rpc: JsonRpc, trader: str, symbol: str, amount: int
) -> None:
    deal(rpc, TOKENS[symbol], trader, 12_345)
    deal(rpc, TOKENS[symbol], trader, amount)
    assert balance_of(rpc, TOKENS[symbol], trader) == amount


@pytest.mark.parametrize("symbol", TOKENS)
def test_deal__more_of_a_token__raises_total_supply_alike(
    chain: ChainBuilder, trader: str, symbol: str
) -> None:
    before = chain.read(TOKENS[symbol], "totalSupply()")
    deal(chain.rpc, TOKENS[symbol], trader, 777)
    assert chain.read(TOKENS[symbol], "totalSupply()") == before + 777


def test_deal__ether__sets_the_balance(rpc: JsonRpc, trader: str) -> None:
    deal(rpc, NATIVE, trader, 5)
    assert balance_of(rpc, NATIVE, trader) == 5


def test_deal__less_of_a_token__leaves_ether_alone(rpc: JsonRpc, trader: str) -> None:
    deal(rpc, NATIVE, trader, 5)
    deal(rpc, USDC, trader, 10)
    deal(rpc, USDC, trader, 3)
    assert (balance_of(rpc, USDC, trader), balance_of(rpc, NATIVE, trader)) == (3, 5)


def test_deal__inside_another_builders_work__does_not_end_its_impersonation(
    chain: ChainBuilder, trader: str
) -> None:
    chain.transact(WETH, "approve(address,uint256)", OTHER, 1, sender=BUILDER)
    deal(chain.rpc, USDC, trader, 7)  # by the builder account too
    chain.transact(WETH, "approve(address,uint256)", OTHER, 2, sender=BUILDER)


@pytest.mark.parametrize("amount", [-1, 2**256])
def test_deal__amount_out_of_range__is_refused(rpc: JsonRpc, trader: str, amount: int) -> None:
    with pytest.raises(InvalidInput, match="expected an amount of 0"):
        deal(rpc, USDC, trader, amount)


def test_deal__address_without_token__is_refused(rpc: JsonRpc, trader: str) -> None:
    with pytest.raises(InvalidInput, match="expected an ERC-20"):
        deal(rpc, OTHER, trader, 1)


def test_deal__token_without_faucet__writes_its_balance_word(
    chain: ChainBuilder, trader: str, state: object
) -> None:
    lp_token = "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc"  # a Uniswap V2 pair is an ERC-20 too
    deal(chain.rpc, lp_token, trader, 999)
    assert balance_of(chain.rpc, lp_token, trader) == 999
    assert find_balance_slot(chain.rpc, lp_token) == (1, False)


def test_usdt__transfer_and_approve__return_no_data(chain: ChainBuilder, trader: str) -> None:
    deal(chain.rpc, USDT, trader, 100)
    assert chain.call(USDT, encode_call("transfer(address,uint256)", OTHER, 1), sender=trader) == b""
    assert chain.call(USDT, encode_call("approve(address,uint256)", OTHER, 1), sender=trader) == b""
    chain.transact(USDT, "transfer(address,uint256)", OTHER, 40, sender=trader)
    assert (balance_of(chain.rpc, USDT, trader), balance_of(chain.rpc, USDT, OTHER)) == (60, 40)


def test_usdt__change_of_an_allowance__must_pass_through_zero(chain: ChainBuilder, trader: str) -> None:
    chain.transact(USDT, "approve(address,uint256)", OTHER, 5, sender=trader)
    with pytest.raises(ChainError, match="approve"):
        chain.transact(USDT, "approve(address,uint256)", OTHER, 6, sender=trader)
    chain.transact(USDT, "approve(address,uint256)", OTHER, 0, sender=trader)
    chain.transact(USDT, "approve(address,uint256)", OTHER, 6, sender=trader)
    assert chain.read(USDT, "allowance(address,address)", trader, OTHER) == 6


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI", "WBTC", "WETH"])
def test_transfer_from__without_allowance__reverts(chain: ChainBuilder, trader: str, symbol: str) -> None:
    deal(chain.rpc, TOKENS[symbol], trader, 10)
    with pytest.raises(ChainError):
        chain.transact(
            TOKENS[symbol], "transferFrom(address,address,uint256)", trader, OTHER, 1, sender=OTHER
        )


def test_weth__deposit_and_withdraw__move_ether(chain: ChainBuilder, trader: str) -> None:
    chain.transact(WETH, "deposit()", sender=trader, value=10**18)
    chain.transact(WETH, "withdraw(uint256)", 4 * 10**17, sender=trader)
    assert balance_of(chain.rpc, WETH, trader) == 6 * 10**17


def test_usdc__blacklisted_account__cannot_receive(chain: ChainBuilder, trader: str) -> None:
    deal(chain.rpc, USDC, trader, 10)
    chain.transact(USDC, "blacklist(address)", OTHER, sender=BUILDER)
    with pytest.raises(ChainError):
        chain.transact(USDC, "transfer(address,uint256)", OTHER, 1, sender=trader)


def test_dai__domain_separator__is_mainnets(chain: ChainBuilder) -> None:
    separator = chain.read(DAI, "DOMAIN_SEPARATOR()", returns=("bytes32",))
    assert separator.hex() == "dbb8cf42e1ecb028be3f3dbc922e1d878b963f411dc388ced501601c60f7c6f7"


def test_wbtc__total_supply__is_what_was_minted(chain: ChainBuilder) -> None:
    assert chain.read(WBTC, "totalSupply()") > 0
