"""What stands where: addresses, code hashes, evidence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pmm.localnet import addresses
from pmm.localnet.builder import State
from pmm.localnet.known_code import MAINNET_CODEHASHES, codehash
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import Evidence

EXPECTED_POOLS = {
    "V3 USDC/WETH 0.05 %": "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640",
    "V3 USDC/WETH 0.3 %": "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8",
    "V3 WETH/USDT 0.05 %": "0x11b815efB8f581194ae79006d24E0d814B7697F6",
    "V3 WBTC/WETH 0.3 %": "0xCBCdF9626bC03E24f779434178A73a0B4bad62eD",
    "V2 USDC/WETH 0.3 %": "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc",
    "V2 WETH/USDT 0.3 %": "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852",
}
PROVEN_WITHOUT_RECORDINGS = (
    *(addresses.WETH, addresses.USDC_IMPLEMENTATION, addresses.MULTICALL3, addresses.PERMIT2),
    *(addresses.ETH_USD_FEED, addresses.BTC_USD_FEED, addresses.BALANCER_VAULT),
    *(addresses.UNISWAP_V3_SWAP_ROUTER, addresses.UNISWAP_SWAP_ROUTER_02),
    EXPECTED_POOLS["V3 USDC/WETH 0.05 %"],
)


def test_state__children_of_genuine_factories__are_at_mainnets_addresses(state: State) -> None:
    assert {name: state.addresses[name] for name in EXPECTED_POOLS} == EXPECTED_POOLS


@pytest.mark.parametrize("address", PROVEN_WITHOUT_RECORDINGS)
def test_code__rebuilt_from_packages__hashes_as_on_mainnet(chain: ChainBuilder, address: str) -> None:
    assert codehash(chain, address) == "0x" + MAINNET_CODEHASHES[address]


def test_placements__each__has_code_and_one_address(chain: ChainBuilder, state: State) -> None:
    found = [placement.address for placement in state.placements]
    assert len(set(found)) == len(found)
    assert [a for a in found if not chain.code(a)] == []


def test_placements__evidence__claims_no_more_than_the_hash_shows(chain: ChainBuilder, state: State) -> None:
    for placement in state.placements:
        known = MAINNET_CODEHASHES.get(placement.address)
        if known is not None:
            equal = codehash(chain, placement.address) == "0x" + known
            assert (placement.evidence is Evidence.PROVEN) == equal, placement.name


def test_genuine__every_recorded_contract_that_stands_here__is_byte_for_byte_mainnets(
    chain: ChainBuilder, state: State, genuine: bool
) -> None:
    if not genuine:
        pytest.skip("needs PMM_LOCALNET_GENUINE=1 and PMM_DATA_DIR")
    index = json.loads((Path(os.environ["PMM_DATA_DIR"]) / "mainnet/bytecode/index.json").read_text())
    recorded = {row["address"]: row["codehash"] for row in index}
    checked = {
        p.name: codehash(chain, p.address) == recorded[p.address.lower()]
        for p in state.placements
        if p.address.lower() in recorded
    }
    assert len(checked) >= 18
    assert all(checked.values()), checked


@pytest.mark.parametrize("name", ["USDT", "DAI", "WBTC"])
def test_evidence__tokens_without_package__are_called_stand_ins_unless_genuine(
    state: State, genuine: bool, name: str
) -> None:
    (placement,) = [p for p in state.placements if p.name == name]
    assert placement.evidence is (Evidence.PROVEN if genuine else Evidence.STAND_IN)
