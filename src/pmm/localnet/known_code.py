"""Code hashes of mainnet: equal hash, equal code."""

from __future__ import annotations

from dataclasses import replace

from eth_utils.crypto import keccak

from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import Evidence, Placement

# keccak256 of the runtime code as an archive node serves it; a block's state root commits to each.
MAINNET_CODEHASHES = {
    "0x111111125421cA6dc452d289314280a0f8842A65": "a5a286be4b80006cc547d7e899871aa01a0e0551e2a509233375405f92098c2f",
    "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48": "d80d4b7c890cb9d6a4893e6b52bc34b56b25335cb13716e0d1d31383e6b41505",
    "0x43506849D7C04F9138D1A2050bbF3A0c054402dd": "cdfb7d322961af3acae7a8f7ee8b69c205b36f576cc5b077f170c7eb8ecbe3ea",
    "0xdAC17F958D2ee523a2206206994597C13D831ec7": "b44fb4e949d0f78f87f79ee46428f23a2a5713ce6fc6e0beb3dda78c2ac1ea55",
    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2": "d0a06b12ac47863b5c7be4185c2deaad1c61557033f56c7d4ea74429cbb25e23",
    "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599": "131ff5c755b710d543ea70fede2eb38e5d15b1456df0ae932ba12e2786f7e5df",
    "0x6B175474E89094C44Da98b954EedeAC495271d0F": "4e36f96ee1667a663dfaac57c4d185a0e369a3a217e0079d49620f34f85d1ac7",
    "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640": "a981b66c747a3d9fa29d7e200d5faaa2826960523d0e5a0df8148e8868c480b4",
    "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8": "f2b8b58f95b1471751302e520a0e7c410ce9846ed46020be253dbd25fbb6da11",
    "0x11b815efB8f581194ae79006d24E0d814B7697F6": "54f2b4c90d2939269a9d3ea8a3081dce03328c947d54bf3d98b2820922840b35",
    "0x4585FE77225b41b697C938B018E2Ac67Ac5a20c0": "1c1a0540887263a5e1b597a4f5f5948e061749defb0a05d65c647eebc7663eca",
    "0xCBCdF9626bC03E24f779434178A73a0B4bad62eD": "385084b66be309c0ba96c1488cf8999e306533675a3826b64bf5b3c8f4949ae1",
    "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419": "4b79b5c8aee6da0f7b393e8b53e6265ef7320a1d16184c65bd3841b5aa3d700d",
    "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c": "4b79b5c8aee6da0f7b393e8b53e6265ef7320a1d16184c65bd3841b5aa3d700d",
    "0xBA12222222228d8Ba445958a75a0704d566BF2C8": "9eb70db20a41bfbf4b022fd070fa7f154b7c4aec98177120dde7a958384f4e66",
    "0xE592427A0AEce92De3Edee1F18E0157C05861564": "bb90113d2f9a5e9b7feb15a1d1fff06c1ee1575b3f9b1181778ffd0cf633e7ea",
    "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45": "6ec798e80f3a19de650826338677604e54d6664f44a33b53a20b22b1939f402e",
    "0x000000000022D473030F116dDEE9F6B43aC78BA3": "c67d1657868aa5146eaf24fb879fb1fdec3d2d493b3683a61c9c2f4fb2851131",
    "0xcA11bde05977b3631167028862bE2a173976CA11": "d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
}


def codehash(chain: ChainBuilder, address: str) -> str:
    """Return the keccak256 of the code at ``address`` as 0x hex."""
    return "0x" + keccak(chain.code(address)).hex()


def prove(chain: ChainBuilder, placement: Placement) -> Placement:
    """Return the placement as proven where its code is known to be mainnet's."""
    known = MAINNET_CODEHASHES.get(placement.address)
    if known is None or f"0x{known}" != codehash(chain, placement.address):
        return placement
    return replace(placement, evidence=Evidence.PROVEN)
