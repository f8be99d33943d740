"""UniswapX reactors and Permit2, from the creation code in Uniswap's SDK; the taker fills from its own wallet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from gas_bench.build import packages
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.signatures import fields, struct_hash, typed_digest
from gas_bench.stage import EXPIRATION_S, MAKING, TAKING, Call, Stage, bench_key
from pmm.chain.abi import encode_call
from pmm.localnet.addresses import BUILDER, PERMIT2
from pmm.localnet.artifacts import creation_code

EXCLUSIVE_DUTCH = "0x6000da47483062A0D734Ba3dc7576Ce6A0B645C4"
V2_DUTCH = "0x00000011F84B9aa48e5f8aA8B9897600006289Be"
_ZERO = "0x" + "00" * 20
_INFO = "(address,address,uint256,uint256,address,bytes)"
_OUTPUTS = "(address,uint256,uint256,address)[]"
_EXCLUSIVE = f"({_INFO},uint256,uint256,address,uint256,(address,uint256,uint256),{_OUTPUTS})"
_COSIGNED = "(uint256,uint256,address,uint256,uint256,uint256[])"
_V2 = f"({_INFO},address,(address,uint256,uint256),{_OUTPUTS},{_COSIGNED},bytes)"
_ORDER_INFO = fields(
    "address reactor,address swapper,uint256 nonce,uint256 deadline,address additionalValidationContract,"
    "bytes additionalValidationData"
)
_OUTPUT = fields("address token,uint256 startAmount,uint256 endAmount,address recipient")
_TYPES = {
    "OrderInfo": _ORDER_INFO,
    "DutchOutput": _OUTPUT,
    "TokenPermissions": fields("address token,uint256 amount"),
}
_EXCLUSIVE_TYPE = fields(
    "OrderInfo info,uint256 decayStartTime,uint256 decayEndTime,address exclusiveFiller,"
    "uint256 exclusivityOverrideBps,address inputToken,uint256 inputStartAmount,uint256 inputEndAmount,"
    "DutchOutput[] outputs"
)
_V2_TYPE = fields(
    "OrderInfo info,address cosigner,address baseInputToken,uint256 baseInputStartAmount,"
    "uint256 baseInputEndAmount,DutchOutput[] baseOutputs"
)


def measure(stage: Stage) -> Iterator[Row]:
    """Measure both reactors; the prices do not decay."""
    with stage.undone():
        stage.chain.place_in_place(PERMIT2, _code("Permit2"), sender=BUILDER)
        stage.approve(PERMIT2, stage.maker.address)
        for case, reactor, factory, build in (
            (
                "UniswapX ExclusiveDutchOrder execute",
                EXCLUSIVE_DUTCH,
                "ExclusiveDutchOrderReactor",
                _exclusive,
            ),
            ("UniswapX V2DutchOrder execute", V2_DUTCH, "V2DutchOrderReactor", _v2),
        ):
            with stage.undone():
                arguments = encode(["address", "address"], [PERMIT2, BUILDER])
                stage.chain.place_in_place(reactor, _code(factory) + arguments, sender=BUILDER)
                stage.approve(reactor, stage.taker.address)
                first, following = (
                    stage.fill(build(_Order(stage=stage, reactor=reactor, nonce=nonce))) for nonce in (0, 1)
                )
                yield from first_and_next(case, first, following)


def _code(name: str) -> bytes:
    folder = "dist/cjs/src/contracts/factories"
    return creation_code(packages().path("@uniswap/uniswapx-sdk", f"{folder}/{name}__factory.js"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What both kinds of order have in common."""

    stage: Stage
    reactor: str
    nonce: int

    @property
    def info(self) -> tuple[object, ...]:
        return (self.reactor, self.stage.maker.address, self.nonce, EXPIRATION_S, _ZERO, b"")

    @property
    def output(self) -> tuple[object, ...]:
        return (self.stage.quote, TAKING, TAKING, self.stage.maker.address)

    def named(self) -> dict[str, object]:
        """Return info and output as a typed message has them."""
        info = dict(zip((f["name"] for f in _ORDER_INFO), self.info, strict=True))
        output = dict(zip((f["name"] for f in _OUTPUT), self.output, strict=True))
        return {"info": info, "output": output}

    def call(
        self, kind: str, order: tuple[object, ...], witness_type: str, witness: dict[str, object]
    ) -> Call:
        """Sign the Permit2 transfer with the order as its witness."""
        stage = self.stage
        types = {
            **_TYPES,
            witness_type: _EXCLUSIVE_TYPE if witness_type == "ExclusiveDutchOrder" else _V2_TYPE,
            "PermitWitnessTransferFrom": fields(
                "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
                f"{witness_type} witness"
            ),
        }
        message = {
            "permitted": {"token": stage.base, "amount": MAKING},
            "spender": self.reactor,
            "nonce": self.nonce,
            "deadline": EXPIRATION_S,
            "witness": witness,
        }
        digest = typed_digest(_domain(stage), types, "PermitWitnessTransferFrom", message)
        signature = stage.maker.sign(digest).to_bytes65()
        data = encode_call("execute((bytes,bytes))", (encode([kind], [order]), signature))
        return Call(to=self.reactor, data=data)


def _domain(stage: Stage) -> dict[str, object]:
    return {"name": "Permit2", "chainId": stage.chain_id, "verifyingContract": PERMIT2}


def _exclusive(order: _Order) -> Call:
    named, base = order.named(), order.stage.base
    times = (EXPIRATION_S, EXPIRATION_S)
    words = (order.info, *times, _ZERO, 0, (base, MAKING, MAKING), [order.output])
    witness = {
        "info": named["info"],
        "decayStartTime": times[0],
        "decayEndTime": times[1],
        "exclusiveFiller": _ZERO,
        "exclusivityOverrideBps": 0,
        "inputToken": base,
        "inputStartAmount": MAKING,
        "inputEndAmount": MAKING,
        "outputs": [named["output"]],
    }
    return order.call(_EXCLUSIVE, words, "ExclusiveDutchOrder", witness)


def _v2(order: _Order) -> Call:
    named, base, cosigner = order.named(), order.stage.base, bench_key("cosigner")
    witness = {
        "info": named["info"],
        "cosigner": cosigner.address,
        "baseInputToken": base,
        "baseInputStartAmount": MAKING,
        "baseInputEndAmount": MAKING,
        "baseOutputs": [named["output"]],
    }
    types = {"OrderInfo": _ORDER_INFO, "DutchOutput": _OUTPUT, "V2DutchOrder": _V2_TYPE}
    order_hash = struct_hash(_domain(order.stage), types, "V2DutchOrder", witness)
    terms = (EXPIRATION_S, EXPIRATION_S, _ZERO, 0, 0, [0])
    cosignature = cosigner.sign(keccak(order_hash + encode([_COSIGNED], [terms]))).to_bytes65()
    words = (order.info, cosigner.address, (base, MAKING, MAKING), [order.output], terms, cosignature)
    return order.call(_V2, words, "V2DutchOrder", witness)
