"""CoW Protocol's settlement, from the deployment records in its package; the taker is the solver."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode

from gas_bench.build import peer_packages
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.signatures import fields, typed_digest
from gas_bench.stage import EXPIRATION_S, MAKING, TAKING, Call, Stage
from pmm.chain.abi import encode_call
from pmm.domain import SigningKey
from pmm.localnet.addresses import BALANCER_VAULT, keyless_account
from pmm.localnet.artifacts import creation_code

_MANAGER = keyless_account("gas benchmark CoW manager")
_TRADE = "(uint256,uint256,address,uint256,uint256,uint32,bytes32,uint256,uint256,uint256,bytes)"
_INTERACTION = "(address,uint256,bytes)"
_SETTLE = f"settle(address[],uint256[],{_TRADE}[],{_INTERACTION}[][3])"
_NO_APP_DATA = bytes(32)
_TYPES = {
    "Order": fields(
        "address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,"
        "uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,"
        "string sellTokenBalance,string buyTokenBalance"
    )
}


def measure(stage: Stage) -> Iterator[Row]:
    """Measure a settlement of the maker's order alone, and of the maker's and the taker's."""
    with stage.undone():
        settlement, relayer = _place(stage)
        stage.give(settlement)  # its buffers are never empty
        stage.approve(relayer)
        stage.approve(settlement, stage.taker.address)
        for case, build in (
            ("CoW settle, one signed order", _one),
            ("CoW settle, two signed orders", _two),
        ):
            with stage.undone():
                first, following = (
                    stage.fill(Call(to=settlement, data=build(stage, settlement, EXPIRATION_S + i)))
                    for i in range(2)
                )
            yield from first_and_next(case, first, following)


def _place(stage: Stage) -> tuple[str, str]:
    def create(name: str, types: tuple[str, ...] = (), *arguments: object) -> str:
        record = peer_packages().path("@cowprotocol/contracts", f"deployments/mainnet/{name}.json")
        return stage.deploy(f"CoW {name}", creation_code(record, arguments=encode(types, arguments)))

    implementation = create("GPv2AllowListAuthentication_Implementation")
    initialise = encode_call("initializeManager(address)", _MANAGER)
    authenticator = create(
        "GPv2AllowListAuthentication_Proxy",
        ("address", "address", "bytes"),
        *(implementation, _MANAGER, initialise),
    )
    stage.chain.transact(authenticator, "addSolver(address)", stage.taker.address, sender=_MANAGER)
    settlement = create("GPv2Settlement", ("address", "address"), authenticator, BALANCER_VAULT)
    return settlement, stage.chain.read(settlement, "vaultRelayer()", returns=("address",))


def _one(stage: Stage, settlement: str, valid_to: int) -> bytes:
    taker = stage.taker.address
    pay = encode_call("transferFrom(address,address,uint256)", taker, settlement, TAKING)
    take = encode_call("transfer(address,uint256)", taker, MAKING)
    interactions: tuple[object, ...] = ([], [(stage.quote, 0, pay), (stage.base, 0, take)], [])
    return _settle(stage, [_trade(stage, settlement, stage.maker, valid_to)], interactions)


def _two(stage: Stage, settlement: str, valid_to: int) -> bytes:
    trades = [_trade(stage, settlement, key, valid_to) for key in (stage.maker, stage.taker)]
    return _settle(stage, trades, ([], [], []))


def _settle(stage: Stage, trades: list[tuple[object, ...]], interactions: tuple[object, ...]) -> bytes:
    # At these prices the maker's whole order buys exactly the taking amount, and the taker's the making.
    return encode_call(_SETTLE, [stage.base, stage.quote], [TAKING, MAKING], trades, interactions)


def _trade(stage: Stage, settlement: str, key: SigningKey, valid_to: int) -> tuple[object, ...]:
    tokens = (stage.base, stage.quote)
    sell, buy = (0, 1) if key is stage.maker else (1, 0)
    selling, buying = (MAKING, TAKING) if key is stage.maker else (TAKING, MAKING)
    message = {
        "sellToken": tokens[sell],
        "buyToken": tokens[buy],
        "receiver": key.address,
        "sellAmount": selling,
        "buyAmount": buying,
        "validTo": valid_to,
        "appData": _NO_APP_DATA,
        "feeAmount": 0,
        "kind": "sell",
        "partiallyFillable": False,
        "sellTokenBalance": "erc20",
        "buyTokenBalance": "erc20",
    }
    domain = {
        "name": "Gnosis Protocol",
        "version": "v2",
        "chainId": stage.chain_id,
        "verifyingContract": settlement,
    }
    signature = key.sign(typed_digest(domain, _TYPES, "Order", message)).to_bytes65()
    terms = (sell, buy, key.address, selling, buying, valid_to, _NO_APP_DATA)
    return (*terms, 0, 0, 0, signature)
