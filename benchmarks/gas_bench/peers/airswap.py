"""AirSwap SwapERC20 5.0.1, from its published build."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode

from gas_bench.build import peer_packages
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.signatures import fields, typed_digest, v_r_s
from gas_bench.stage import EXPIRATION_S, MAKING, TAKING, Call, Stage
from pmm.chain.abi import encode_call
from pmm.localnet.addresses import keyless_account
from pmm.localnet.artifacts import creation_code

_ARTIFACT = "build/contracts/SwapERC20.sol/SwapERC20.json"
_FEE_WALLET = keyless_account("gas benchmark AirSwap fees")
_BPS = 10_000
_TYPES = {
    "OrderERC20": fields(
        "uint256 nonce,uint256 expiry,address signerWallet,address signerToken,uint256 signerAmount,"
        "uint256 protocolFee,address senderWallet,address senderToken,uint256 senderAmount"
    )
}
_TERMS = "uint256,uint256,address,address,uint256,address,uint256,uint8,bytes32,bytes32"


def measure(stage: Stage) -> Iterator[Row]:
    """Measure ``swap`` without and with a fee, and ``swapLight``."""
    for case, fee_bps, light in (
        ("AirSwap swap, no fee", 0, False),
        ("AirSwap swap, fee 5 bps", 5, False),
        ("AirSwap swapLight, no fee", 0, True),
    ):
        with stage.undone():
            stage.give(_FEE_WALLET)
            arguments = encode(
                ["uint256", "uint256", "address", "uint256", "uint256"], [fee_bps, 0, _FEE_WALLET, 10, 100]
            )
            artifact = peer_packages().path("@airswap/swap-erc20", _ARTIFACT)
            address = stage.deploy("AirSwap", creation_code(artifact, arguments=arguments))
            stage.approve(address)
            fee = MAKING * fee_bps // _BPS
            first, following = (
                stage.fill(_call(stage, address, nonce, fee_bps, light=light), maker_fee=fee)
                for nonce in (0, 1)
            )
            yield from first_and_next(case, first, following)


def _call(stage: Stage, address: str, nonce: int, fee_bps: int, *, light: bool) -> Call:
    maker = stage.maker.address
    message = {
        "nonce": nonce,
        "expiry": EXPIRATION_S,
        "signerWallet": maker,
        "signerToken": stage.base,
        "signerAmount": MAKING,
        "protocolFee": fee_bps,
        "senderWallet": stage.taker.address,
        "senderToken": stage.quote,
        "senderAmount": TAKING,
    }
    domain = {
        "name": "SWAP_ERC20",
        "version": "4.3",
        "chainId": stage.chain_id,
        "verifyingContract": address,
    }
    signature = stage.maker.sign(typed_digest(domain, _TYPES, "OrderERC20", message))
    terms = (nonce, EXPIRATION_S, maker, stage.base, MAKING, stage.quote, TAKING, *v_r_s(signature))
    if light:
        return Call(to=address, data=encode_call(f"swapLight({_TERMS})", *terms))
    return Call(to=address, data=encode_call(f"swap(address,{_TERMS})", stage.taker.address, *terms))
