"""What the constructor fixes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import ape
import pytest

from pmm.chain.rpc import RpcError
from pmm.domain import ZERO_ADDRESS
from tests.contracts.hedger.funded_fills import CONTRACTS, decode_error
from tests.contracts.hedger.mock_fixtures import LENDERS, POOLS

GENUINE = (*POOLS, *LENDERS)
GETTERS = (
    "SETTLEMENT",
    "UNISWAP_V2_FACTORY",
    "UNISWAP_V3_FACTORY",
    "UNISWAP_V4_POOL_MANAGER",
    "MORPHO_BLUE",
    "BALANCER_V2_VAULT",
    "AAVE_V3_POOL",
)


def test_constructor__genuine_addresses__are_what_the_getters_say(
    probed_hedger: Any, mock_settlement: Any
) -> None:
    assert [getattr(probed_hedger, name)() for name in GETTERS] == [mock_settlement.address, *GENUINE]


@pytest.mark.parametrize("position", range(len(GETTERS)))
@pytest.mark.parametrize("codeless", [ZERO_ADDRESS, "0x00000000000000000000000000000000000000aA"])
def test_constructor__address_without_code__reverts(
    position: int, codeless: str, mock_settlement: Any, rpc: Any, owner: Any, error_types: Any
) -> None:
    addresses = [mock_settlement.address, *GENUINE]
    addresses[position] = codeless
    creation = ape.project.AtomicHedger.constructor.serialize_transaction(*addresses)
    request = {"from": owner.address, "data": "0x" + bytes(creation.data).hex()}

    with pytest.raises(RpcError) as refused:
        rpc.call("eth_call", request, "latest")

    assert decode_error(error_types, refused.value.data) == ("NotAContract", codeless.lower())


def test_functions__compared_with_those_described__are_no_more(probed_hedger: Any) -> None:
    described = {*GETTERS, "fundFill", "fundFillByRoute", "swapExactIn", "sweep"} | {
        "uniswapV3SwapCallback", "uniswapV2Call", "unlockCallback", "onMorphoFlashLoan",
        "receiveFlashLoan", "executeOperation", "uniswapV3FlashCallback", "onFlashLoan",
    }  # fmt: skip

    assert {entry.name for entry in probed_hedger.contract_type.methods} == described


def test_compiled_code__compared_with_a_fresh_compilation__is_the_same() -> None:
    compiler = Path(sys.executable).with_name("vyper")
    main = CONTRACTS / "AtomicHedger.vy"
    fresh = subprocess.run(
        [compiler, "-f", "bytecode", main], capture_output=True, text=True, check=True, timeout=120
    )

    # Ape compiles again only when the main file itself changes.
    assert str(ape.project.AtomicHedger.contract_type.deployment_bytecode.bytecode) == fresh.stdout.strip(), (
        "expected Ape's AtomicHedger to be compiled from today's modules, found older ones; "
        "run: ape compile --force contracts/AtomicHedger.vy"
    )


def test_runtime_code__size__leaves_head_room(probed_hedger: Any) -> None:
    assert len(probed_hedger.code) < 24_576 * 9 // 10
