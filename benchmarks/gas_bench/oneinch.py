"""1inch's limit orders: an EOA maker, bit invalidator, ``fillOrder``; and its cancels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_abi.abi import encode

from gas_bench.build import packages, peer_packages
from gas_bench.orders import LANE, fill_call, signed_order, traits_word
from gas_bench.references import first_and_next
from gas_bench.report import Row
from gas_bench.stage import Call, Stage
from pmm.chain.abi import encode_call
from pmm.domain import UINT256_MAX, Address, OrderDomain, SignedOrder, oneinch_domain
from pmm.localnet.addresses import BUILDER, ONEINCH_ROUTER
from pmm.localnet.artifacts import Compiled, compile_contracts
from pmm.localnet.protocols import oneinch as localnet_oneinch

NEXT = "1inch LOP 4.0.3 fillOrder, next nonce"
FIRST = "1inch LOP 4.0.3 fillOrder, first nonce"
CANCEL_ONE = "1inch LOP 4.0.3 cancelOrder"
CANCEL_MASK = "1inch LOP 4.0.3 bitsInvalidateForOrder, 160 nonces"
CANCEL_WORD = "1inch LOP 4.0.3 bitsInvalidateForOrder, all 256 of a word"
CANCEL_EPOCH = "1inch LOP 4.0.3 increaseEpoch, one series"
MASK_160 = (1 << 160) - 1
_PLAIN_WETH = "0x" + "11" * 20  # asked for nothing: no leg of the benchmark is native


def compile_lop_403() -> Compiled:
    """Compile the limit-order half of the router exactly as the offline mainnet does (and share its cache)."""
    return localnet_oneinch._compile(packages())


def compile_lop_433() -> Compiled:
    """Compile LOP 4.3.3 with the compiler and the settings 1inch publishes it with."""
    roots = {
        f"{name}/": peer_packages().path(name)
        for name in (localnet_oneinch.PACKAGE, "@1inch/solidity-utils", "@openzeppelin/contracts")
    }
    unit = f"{localnet_oneinch.PACKAGE}/contracts/LimitOrderProtocol.sol"
    source = peer_packages().path(localnet_oneinch.PACKAGE, "contracts/LimitOrderProtocol.sol")
    compiled = compile_contracts(
        solc="0.8.30",
        entries={unit: source.read_text()},
        roots=roots,
        settings={
            "viaIR": True,
            "optimizer": {"enabled": True, "runs": 1_000_000},
            "evmVersion": "shanghai",
        },
        contracts=[f"{unit}:LimitOrderProtocol"],
    )
    return compiled[f"{unit}:LimitOrderProtocol"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneInch:
    """1inch's contract on a stage, approved by maker and taker."""

    stage: Stage
    address: str
    domain: OrderDomain

    @classmethod
    def place(cls, stage: Stage) -> OneInch:
        """Put LOP 4.0.3 under the router's domain at the router's address."""
        initcode = compile_lop_403().creation(arguments=encode(["address"], [_PLAIN_WETH]))
        address = stage.chain.place_in_place(ONEINCH_ROUTER, initcode, sender=BUILDER)
        stage.approve(address)
        return cls(stage=stage, address=address, domain=oneinch_domain(stage.chain_id))

    @classmethod
    def place_433(cls, stage: Stage) -> OneInch:
        """Put LOP 4.3.3 under its own domain anywhere."""
        initcode = compile_lop_433().creation(arguments=encode(["address"], [_PLAIN_WETH]))
        address = stage.deploy("LOP 4.3.3", initcode)
        stage.approve(address)
        domain = OrderDomain(
            name="1inch Limit Order Protocol",
            version="4",
            chain_id=stage.chain_id,
            verifying_contract=Address(address),
        )
        return cls(stage=stage, address=address, domain=domain)

    def signed(self, nonce: int) -> SignedOrder:
        """Sign the order as the EOA maker."""
        stage = self.stage
        return signed_order(
            stage, maker=stage.maker.address, domain=self.domain, key=stage.maker, nonce=nonce
        )

    def fill(self, nonce: int) -> int:
        """Return the gas of a whole fill."""
        return self.stage.fill(fill_call(self.address, self.signed(nonce)))

    def fills(self, case: str) -> list[Row]:
        """Measure the first and the next nonce of a word; the reference is that of ``case``."""
        return first_and_next(case, *self.first_and_next())

    def first_and_next(self) -> tuple[int, int]:
        """Return the gas of the first and of the next nonce of a word."""
        with self.stage.undone():
            return self.fill(0), self.fill(1)

    def cancels(self) -> Iterator[Row]:
        """Measure the maker's cancels, in a word and a series that were used before."""
        maker = self.stage.maker.address
        with self.stage.undone():
            self.fill(0)
            call = encode_call("cancelOrder(uint256,bytes32)", traits_word(1), self.signed(1).order_hash)
            yield Row(case=CANCEL_ONE, measured=self._gas(call, maker))
        for case, mask in ((CANCEL_MASK, MASK_160), (CANCEL_WORD, UINT256_MAX)):
            with self.stage.undone():
                self.fill(0)
                call = encode_call("bitsInvalidateForOrder(uint256,uint256)", traits_word(1), mask)
                yield Row(case=case, measured=self._gas(call, maker))
        with self.stage.undone():
            call = encode_call("increaseEpoch(uint96)", LANE)
            self._gas(call, maker)
            yield Row(case=CANCEL_EPOCH, measured=self._gas(call, maker))

    def _gas(self, data: bytes, sender: str) -> int:
        return self.stage.gas(Call(to=self.address, data=data, sender=sender))
