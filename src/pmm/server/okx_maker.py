"""OKX's maker: an account of its own, with its own key, inventory and reservations, behind the same desk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pmm.chain.okx_maker import OkxMakerReader, ViewReader
from pmm.chain.rpc import JsonRpc
from pmm.chain.signer_keys import generated_key, keystore_key
from pmm.chain.web3_node import Web3Node
from pmm.domain import Address, Token, okx_domain, parse_address
from pmm.errors import UnsafeToSign
from pmm.execution import (
    NO_STAGES,
    AccountMarket,
    AdmissionDesk,
    Clock,
    DeskPolicy,
    GuardedSigner,
    KillSwitches,
    LaneNonces,
    LiveQuote,
    MarketConditions,
    MarketSource,
    NodeIdentity,
    QuoteDesk,
    QuoteJournal,
    RelayerNonces,
    ReservationBook,
    SequentialNonces,
    Settlement,
    SigningMode,
    Stage,
    StageWatch,
)
from pmm.execution.order_builder import RandomBits
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.execution.quote_shaping import QuoteShaping
from pmm.monitoring.measured import measured
from pmm.pricing import QuoteModel
from pmm.settings import ServeSettings

SIGNING: Final = {"sign_order": Stage.SIGN}
"""What is timed of a signer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxMaker:
    """The account, before it has a desk."""

    signer: GuardedSigner
    contract: Address

    @property
    def address(self) -> Address:
        """Maker and signer."""
        return self.signer.address

    def policy(self, policy: DeskPolicy, *, ttl_s: int, chain_id: int) -> DeskPolicy:
        """Return the policy of the other desk, with maker, domain and life of this one."""
        domains = {Settlement.OKX: okx_domain(chain_id, self.contract)}
        # The lending account delivers to the settlement contract alone.
        return replace(policy, maker=self.address, domains=domains, ttl_s=ttl_s, hooks=None, fill_hedges=None)

    def reader(self, below: ViewReader, node: Web3Node, tokens: Sequence[Token]) -> OkxMakerReader:
        """Return a reader that reads this account too."""
        return OkxMakerReader(below, node, maker=self.address, tokens=tokens, contract=self.contract)


def open_okx_maker(
    settings: ServeSettings, rpc: JsonRpc, *, mode: SigningMode, node: NodeIdentity
) -> OkxMaker | None:
    """Return OKX's maker: on a development node a key of the run, else the keystore named; None without one.

    Raises UnsafeToSign where a keystore is named on a development node, or nothing stands at the contract's
    address of a real one.
    """
    contract = parse_address(settings.okx_contract, "okx_contract")
    if mode is SigningMode.DEVELOPMENT:
        if settings.okx_keystore is not None:
            raise UnsafeToSign(
                "expected no keystore of OKX's maker on a development node: what it signs here would be valid on "
                "mainnet. Unset PMM_OKX_KEYSTORE"
            )
        signer = GuardedSigner(generated_key(), mode=mode, node=node)
        return OkxMaker(signer=signer, contract=contract)
    if settings.okx_keystore is None:
        return None
    if rpc.call("eth_getCode", contract, "latest") in ("0x", None):
        raise UnsafeToSign(
            f"expected OKX's settlement contract at {contract}, found no code; check PMM_OKX_CONTRACT"
        )
    password = settings.okx_keystore_password
    key = keystore_key(settings.okx_keystore, password.get_secret_value() if password else "")
    return OkxMaker(signer=GuardedSigner(key, mode=mode, node=node), contract=contract)


def okx_desk(
    maker: OkxMaker,
    *,
    policy: DeskPolicy,
    ttl_s: int,
    confirmations: int,
    market: MarketSource,
    journal: QuoteJournal,
    live: Iterable[LiveQuote],
    clock: Clock,
    chain_id: int,
    random_bits: RandomBits,
    model: QuoteModel,
    conditions: MarketConditions | None = None,
    switches: KillSwitches | None = None,
    shaping: QuoteShaping | None = None,
    pre_trade: PreTradeGate | None = None,
    stages: StageWatch = NO_STAGES,
) -> QuoteDesk:
    """Return the desk of OKX's maker: the policy of the other desk, with maker, domain and life of its own.

    ``conditions`` are those of the other desk, which observes the market and the fills of both.
    """
    mine = [quote for quote in live if quote.settlement is Settlement.OKX]
    book = ReservationBook(confirmations=confirmations)
    for quote in mine:
        book.add(quote)
    admission = AdmissionDesk(
        policy=maker.policy(policy, ttl_s=ttl_s, chain_id=chain_id),
        signer=maker.signer if stages is NO_STAGES else measured(maker.signer, stages, SIGNING),
        book=book,
        # Neither gives a nonce: every request at OKX brings its own.
        router_nonces=SequentialNonces(0),
        lane_nonces=LaneNonces(maker.address, {0: 0}),
        random_bits=random_bits,
        model=model,
        relayer_nonces=RelayerNonces(
            settlement=Settlement.OKX, maker=maker.address, live=(quote.nonce for quote in mine)
        ),
        conditions=conditions,
        switches=switches,
        shaping=shaping,
        pre_trade=pre_trade,
        stages=stages,
    )
    return QuoteDesk(
        market=AccountMarket(market, Settlement.OKX),
        journal=journal,
        admission=admission,
        clock=clock,
        observes=False,
    )


def contract_quotes(live: Iterable[LiveQuote]) -> tuple[LiveQuote, ...]:
    """Return the live quotes of the settlement contract, those of other makers left out."""
    return tuple(quote for quote in live if quote.settlement is not Settlement.OKX)
