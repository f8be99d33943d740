"""Flash funds other than a flash swap on one pool need the recorded hedger, set and with its code."""

from typing import Any

import pytest
from eth_utils.crypto import keccak

from pmm.chain.deployments import DeployedContract, Deployment
from pmm.chain.hedger import HEDGER, hedger_fault
from pmm.domain import FundingSource
from pmm.server.runtime import _with_funding
from pmm.settings import load_settings
from tests.helpers.quoting import MAKER

_HEDGER_AT = "0x" + "33" * 20
_CODE = "0x6001"


class _Rpc:
    """A node with a hedger that has some code."""

    def __init__(self, *, hedger: str = _HEDGER_AT, code: str = _CODE) -> None:
        self._answers = {"eth_call": "0x" + "00" * 12 + hedger[2:], "eth_getCode": code}

    def call(self, method: str, *_: object) -> str:
        return self._answers[method]


def _deployment(*names: str) -> Deployment:
    contract = DeployedContract(
        name=HEDGER,
        address=_HEDGER_AT,
        runtime_code_hash="0x" + keccak(hexstr=_CODE).hex(),
        constructor_args={},
        compiler={},
        block_number=1,
        transaction_hash="0x",
    )
    return Deployment(chain_id=1, contracts=dict.fromkeys(names, contract), parameters={})


def _fault(rpc: Any, *names: str) -> str | None:
    return hedger_fault(rpc, _deployment(*names), MAKER)


def test_hedger_fault__recorded_and_set__is_none() -> None:
    assert _fault(_Rpc(), HEDGER) is None


@pytest.mark.parametrize(
    ("rpc", "names", "says"),
    [
        (_Rpc(), (), "expected AtomicHedger in the deployment record"),
        (_Rpc(hedger="0x" + "00" * 20), (HEDGER,), "found none"),
        (_Rpc(hedger="0x" + "44" * 20), (HEDGER,), "as hedger of"),
        (_Rpc(code="0x6002"), (HEDGER,), "expected the recorded code"),
        (_Rpc(code="0x"), (HEDGER,), "found no code"),
    ],
    ids=["not recorded", "not set", "another one", "other code", "no code"],
)
def test_hedger_fault__anything_else__is_said(rpc: Any, names: tuple[str, ...], says: str) -> None:
    assert says in str(_fault(rpc, *names))


@pytest.mark.parametrize(
    ("sources", "left"),
    [
        ((FundingSource.UNISWAP_V3_SWAP, FundingSource.AAVE_V3_LOAN), (FundingSource.UNISWAP_V3_SWAP,)),
        ((FundingSource.MORPHO_BLUE_LOAN, FundingSource.UNISWAP_V2_SWAP), ()),
        ((FundingSource.UNISWAP_V3_SWAP,), (FundingSource.UNISWAP_V3_SWAP,)),
        ((), ()),
    ],
)
def test_with_funding__fault__leaves_what_the_settlement_does_itself(
    sources: tuple[FundingSource, ...], left: tuple[FundingSource, ...]
) -> None:
    settings = load_settings(environment={}).model_copy(update={"funding_sources": sources})
    assert _with_funding(settings, None) == settings
    assert _with_funding(settings, "no hedger").funding_sources == left
