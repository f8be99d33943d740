"""Our settlement contract on a stage."""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import encode

from gas_bench.build import own_contract
from gas_bench.oneinch import OneInch
from gas_bench.orders import fill_call, signed_order
from gas_bench.stage import Stage
from pmm.domain import Address, OrderDomain, SignedOrder, SigningKey, settlement_domain
from pmm.localnet.addresses import keyless_account

OWNER = keyless_account("gas benchmark owner")
LANES = 4
MODULE_KINDS = ("hedger", "routerHooks", "lendingAccount", "takerPortal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """RfqSettlement on a stage, with inventory and one signer, joined to 1inch's contract."""

    stage: Stage
    router: OneInch
    address: str
    signer: SigningKey
    domain: OrderDomain

    @classmethod
    def place(cls, stage: Stage, router: OneInch) -> Ours:
        """Deploy the settlement with the stage's two tokens as its core tokens."""
        arguments = encode(
            ["address", "address", "address", "address", "address[]"],
            [OWNER, stage.base, router.address, stage.address_of("AtomicHedger"), [stage.base, stage.quote]],
        )
        address = stage.deploy("RfqSettlement", own_contract("RfqSettlement").creation(arguments=arguments))
        signer = stage.maker
        ours = cls(
            stage=stage,
            router=router,
            address=address,
            signer=signer,
            domain=settlement_domain(stage.chain_id, Address(address)),
        )
        stage.give(address)
        stage.approve(address, stage.taker.address)
        ours.configure("initLanes", signer.address, LANES)
        return ours

    @property
    def core_tokens(self) -> tuple[Address, Address]:
        """The settlement's core tokens in its order."""
        return Address(self.stage.base), Address(self.stage.quote)

    def configure(self, name: str, *arguments: object) -> None:
        """Call a function as the owner, by the signature it has now."""
        signature = self.signature_of(name)
        assert signature is not None, f"expected the function {name} on RfqSettlement, found none"
        self.stage.chain.transact(self.address, signature, *arguments, sender=OWNER)

    def signature_of(self, name: str) -> str | None:
        """Return the signature under which the contract has a function, or None.

        Argument types are chosen for the place of their selector and may change.
        """
        for entry in own_contract("RfqSettlement").abi:
            if entry["type"] == "function" and entry["name"] == name:
                return f"{name}({','.join(item['type'] for item in entry['inputs'])})"
        return None

    def has(self, name: str) -> bool:
        """Tell whether the contract has the function."""
        return self.signature_of(name) is not None

    def join(self, kind: str, module: str) -> None:
        """Set one of the contracts that the settlement works with."""
        self.configure("setModule", MODULE_KINDS.index(kind), module)

    def signed(
        self,
        nonce: int,
        *,
        domain: OrderDomain | None = None,
        allowed_sender: int = 0,
        extension: bytes = b"",
    ) -> SignedOrder:
        """Sign the order as our signer, the settlement being the maker."""
        return signed_order(
            self.stage,
            maker=self.address,
            domain=domain or self.domain,
            key=self.signer,
            nonce=nonce,
            allowed_sender=allowed_sender,
            extension=extension,
        )

    def fill(self, nonce: int, *, allowed_sender: int = 0, extension: bytes = b"") -> int:
        """Return the gas of a whole fill."""
        signed = self.signed(nonce, allowed_sender=allowed_sender, extension=extension)
        return self.stage.fill(fill_call(self.address, signed), holder=self.address)
