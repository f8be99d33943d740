"""0x Exchange Proxy v4 with its native and OTC orders, from its published build."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode

from gas_bench.build import peer_packages
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.signatures import v_r_s
from gas_bench.stage import EXPIRATION_S, MAKING, TAKING, Call, Stage
from pmm.chain.abi import encode_call
from pmm.localnet.addresses import keyless_account
from pmm.localnet.artifacts import creation_code

_OTC = "(address,address,uint128,uint128,address,address,address,uint256)"
_RFQ = "(address,address,uint128,uint128,address,address,address,bytes32,uint64,uint256)"
_SIGNATURE = "(uint8,uint8,bytes32,bytes32)"
_EIP712 = 2
_OWNER = keyless_account("gas benchmark 0x owner")
_NOTHING = "0x" + "11" * 20
_PROTOCOL_FEE_MULTIPLIER = 70_000  # of limit orders; RFQ and OTC orders pay none


def measure(stage: Stage) -> Iterator[Row]:
    """Measure OTC and RFQ orders."""
    with stage.undone():
        proxy = _place(stage)
        stage.approve(proxy)
        first, following = (stage.fill(_otc(stage, proxy, nonce)) for nonce in (1, 2))
        yield from first_and_next("0x v4 fillOtcOrder", first, following)
        first, following = (stage.fill(_rfq(stage, proxy, salt)) for salt in (1, 2))
        yield from first_and_next("0x v4 fillRfqOrder", first, following)


def _place(stage: Stage) -> str:
    def create(name: str, types: tuple[str, ...] = (), *arguments: object) -> str:
        artifact = peer_packages().path("@0x/contracts-zero-ex", f"lib/generated-artifacts/{name}.json")
        return stage.deploy(f"0x {name}", creation_code(artifact, arguments=encode(types, arguments)))

    migration = create("FullMigration", ("address",), _OWNER)
    bootstrapper = stage.chain.read(migration, "getBootstrapper()", returns=("address",))
    proxy = create("ZeroEx", ("address",), bootstrapper)
    controller = create("FeeCollectorController", ("address", "address"), _NOTHING, _NOTHING)
    native_types = ("address", "address", "address", "address", "uint32")
    features = (
        create("SimpleFunctionRegistryFeature"),
        create("OwnableFeature"),
        create("TransformERC20Feature"),
        create("MetaTransactionsFeature", ("address",), proxy),
        create(
            "NativeOrdersFeature",
            native_types,
            *(proxy, _NOTHING, _NOTHING, controller, _PROTOCOL_FEE_MULTIPLIER),
        ),
        create("OtcOrdersFeature", ("address", "address"), proxy, _NOTHING),
    )
    stage.chain.transact(
        migration,
        "migrateZeroEx(address,address,(address,address,address,address,address,address),(address))",
        *(_OWNER, proxy, features, (_OWNER,)),
        sender=_OWNER,
    )
    return proxy


def _otc(stage: Stage, proxy: str, nonce: int) -> Call:
    expiry_and_nonce = EXPIRATION_S << 192 | nonce
    order = (*_parties(stage), expiry_and_nonce)
    return _call(stage, proxy, "getOtcOrderHash", "fillOtcOrder", _OTC, order)


def _rfq(stage: Stage, proxy: str, salt: int) -> Call:
    order = (*_parties(stage), bytes(32), EXPIRATION_S, salt)
    return _call(stage, proxy, "getRfqOrderHash", "fillRfqOrder", _RFQ, order)


def _parties(stage: Stage) -> tuple[object, ...]:
    taker = stage.taker.address
    return stage.base, stage.quote, MAKING, TAKING, stage.maker.address, taker, taker


def _call(
    stage: Stage, proxy: str, hashed_by: str, filled_by: str, kind: str, order: tuple[object, ...]
) -> Call:
    digest = stage.chain.read(proxy, f"{hashed_by}({kind})", order, returns=("bytes32",))
    signature = (_EIP712, *v_r_s(stage.maker.sign(digest)))
    data = encode_call(f"{filled_by}({kind},{_SIGNATURE},uint128)", order, signature, TAKING)
    return Call(to=proxy, data=data)
