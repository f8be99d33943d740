"""Hashflow's router and a pool, from its published build."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode
from eth_abi.packed import encode_packed
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from gas_bench.build import peer_packages
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.stage import EXPIRATION_S, MAKING, TAKING, Call, Stage
from pmm.chain.abi import encode_call
from pmm.localnet.addresses import keyless_account
from pmm.localnet.artifacts import creation_code

_FACTORIES = "dist/types/factories/contracts"
_OWNER = keyless_account("gas benchmark Hashflow owner")
_NOTHING = "0x" + "11" * 20
_ZERO = "0x" + "00" * 20
_QUOTE = (
    "(address,address,address,address,address,address,uint256,uint256,uint256,uint256,uint256,bytes32,bytes)"
)
_FIRST_NONCE = 1_900_000_000_123  # Hashflow's are milliseconds


def measure(stage: Stage) -> Iterator[Row]:
    """Measure RFQ-T with an account of the maker's and with the pool's own inventory."""
    with stage.undone():
        router, pool = _place(stage)
        stage.approve(pool, stage.maker.address)
        stage.approve(router, stage.taker.address)
        stage.give(pool)
        maker = stage.maker.address
        first, following = (stage.fill(_call(stage, router, pool, maker, _FIRST_NONCE + i)) for i in range(2))
        yield from first_and_next("Hashflow tradeRFQT, EOA maker", first, following)
        first, following = (
            stage.fill(_call(stage, router, pool, _ZERO, _FIRST_NONCE + i), holder=pool) for i in (2, 3)
        )
        yield from first_and_next("Hashflow tradeRFQT, pool inventory", first, following)


def _place(stage: Stage) -> tuple[str, str]:
    chain = stage.chain

    def create(file: str, arguments: bytes = b"") -> str:
        script = peer_packages().path("@hashflow/contracts-evm", f"{_FACTORIES}/{file}__factory.js")
        return chain.create(creation_code(script, arguments=arguments), sender=_OWNER)

    weth = encode(["address"], [_NOTHING])
    router = create("HashflowRouter", weth)
    factory = create("HashflowFactory")
    implementation = create("pools/HashflowPool.sol/HashflowPool", weth)
    for to, signature, arguments in (
        (router, "initialize(address)", (factory,)),
        (factory, "initialize(address)", (router,)),
        (factory, "updatePoolImpl(address)", (implementation,)),
        (factory, "updatePoolCreatorAuthorization(address,bool)", (_OWNER, True)),
    ):
        chain.transact(to, signature, *arguments, sender=_OWNER)
    signer = stage.maker.address
    receipt = chain.transact(factory, "createPool(string,address)", "pool", signer, sender=_OWNER)
    # The factory's last event names the pool in its first word.
    return router, to_checksum_address(receipt["logs"][-1]["data"][26:66])


def _call(stage: Stage, router: str, pool: str, account: str, nonce: int) -> Call:
    taker, transaction_id = stage.taker.address, keccak(text=f"pmm gas benchmark {nonce}")
    packed = encode_packed(
        ["address"] * 6 + ["uint256"] * 4 + ["bytes32", "uint256"],
        [
            *(pool, taker, taker, account, stage.quote, stage.base),
            *(TAKING, MAKING, nonce, EXPIRATION_S, transaction_id, stage.chain_id),
        ],
    )
    digest = keccak(b"\x19Ethereum Signed Message:\n32" + keccak(packed))
    quote = (
        *(pool, account, taker, taker, stage.quote, stage.base),
        *(TAKING, TAKING, MAKING, EXPIRATION_S, nonce, transaction_id),
        stage.maker.sign(digest).to_bytes65(),
    )
    return Call(to=router, data=encode_call(f"tradeRFQT({_QUOTE})", quote))
