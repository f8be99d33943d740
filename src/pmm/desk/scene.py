"""What the desk is about: the deployment on its chain, the accounts and tokens, where its ledger lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.deployments import Deployment, fork_record_path, live_record_path, load_deployment
from pmm.chain.indexer import WatchList, watch_list
from pmm.chain.lending_reader import LendingPlan, find_lending
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import read_identity
from pmm.chain.web3_node import Web3Node
from pmm.domain import WETH, Address, Token, parse_address
from pmm.errors import InvalidInput, UnsafeToSign
from pmm.execution import NodeIdentity
from pmm.execution.book import AccountKind, BookScope
from pmm.settings import ServeSettings, parse_pair
from pmm.toolchain import project_root

CONTRACT = "RfqSettlement"


@dataclass(kw_only=True)
class Scene:
    """Found out from settings and node; close it at the end."""

    settings: ServeSettings
    rpc: JsonRpc
    node: Web3Node
    identity: NodeIdentity
    deployment: Deployment
    settlement: Address

    @classmethod
    def find(cls, settings: ServeSettings) -> Scene:
        """Look at the node and the deployment's record.

        Raises ChainError without a node, InvalidInput without a record, UnsafeToSign for another code than recorded.
        """
        timeout_s = settings.rpc_timeout_ms / 1000
        rpc = JsonRpc(settings.rpc_url, timeout_s=timeout_s)
        try:
            identity = read_identity(rpc)
            default = fork_record_path() if identity.development else live_record_path(identity.chain_id)
            deployment = load_deployment(settings.deployment or default)
            if deployment.chain_id != identity.chain_id:
                raise InvalidInput(
                    f"expected a node of chain {deployment.chain_id}, that of the deployment record, found one of "
                    f"{identity.chain_id}; give --rpc or --deployment of the same chain"
                )
            deployment.check_code(rpc, CONTRACT)
        except BaseException:
            rpc.close()
            raise
        return cls(
            settings=settings,
            rpc=rpc,
            node=Web3Node(settings.rpc_url, timeout_s=timeout_s),
            identity=identity,
            deployment=deployment,
            settlement=parse_address(deployment.address(CONTRACT), CONTRACT),
        )

    @cached_property
    def pairs(self) -> list[tuple[Token, Token]]:
        """The pairs quoted and those hedged on, each once."""
        names = dict.fromkeys((*self.settings.pairs, *self.settings.desk.hedged))
        return [parse_pair(name) for name in names]

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Every token of the book; WETH always: it prices the gas."""
        found = {token.address: token for pair in self.pairs for token in pair} | {WETH.address: WETH}
        return tuple(found.values())

    @cached_property
    def lending(self) -> LendingPlan | None:
        """The lending account of the settlement contract, None without one."""
        return find_lending(self.node, self.settlement, self.tokens)

    @cached_property
    def watch(self) -> WatchList:
        """What the chain is followed for. Our contracts alone: the operator's wallet holds nothing but gas money."""
        return watch_list(self.deployment, self.tokens, lending=self.lending)

    @cached_property
    def scope(self) -> BookScope:
        """What the book covers."""
        kinds = dict.fromkeys(self.watch.accounts, AccountKind.CONTRACT)
        return BookScope(accounts=kinds, tokens=self.watch.tokens)

    @cached_property
    def names(self) -> dict[Address, str]:
        """Our contracts, and 1inch's, by address."""
        ours = {parse_address(one.address): name for name, one in self.deployment.contracts.items()}
        lending = {self.lending.account: "LendingAccount"} if self.lending else {}
        return {parse_address(ONEINCH_ROUTER): "1inch", **lending, **ours}

    @property
    def console_place(self) -> Path:
        """Where the desk listens to people: beside its ledger file, or by contract for a database."""
        if self.settings.desk.console is not None:
            return self.settings.desk.console
        place = self.ledger_place
        if isinstance(place, Path):
            return place.with_name(place.name + ".sock")
        return project_root() / ".pmm" / "desk" / f"{self.identity.chain_id}-{self.settlement[2:14]}.sock"

    @property
    def ledger_place(self) -> Path | str:
        """Where the ledger is. On a fork it is named by the block of the deployment: another fork has another."""
        settings = self.settings
        if settings.desk.ledger is not None:
            return settings.desk.ledger
        if settings.database_url is not None:
            return settings.database_url.get_secret_value()
        folder = project_root() / ".pmm" / "desk"
        if not self.identity.development:
            return folder / f"{self.identity.chain_id}.sqlite"
        block = self.rpc.call("eth_getBlockByNumber", hex(self.watch.start_block), False) or {"hash": "0x0"}
        return folder / f"fork-{block['hash'][2:14]}.sqlite"

    @property
    def journal_place(self) -> Path | str | None:
        """Where the quote server of these settings writes its journal; None where nothing says it.

        On a development node the server makes a new one per run unless it is told a place.
        """
        settings = self.settings
        if not settings.desk.reservations:
            return None
        if settings.database_url is not None:
            return settings.database_url.get_secret_value()
        if settings.journal is not None or self.identity.development:
            return settings.journal
        return project_root() / ".pmm" / "journal" / f"{self.identity.chain_id}.sqlite"

    def check_recorded(self, name: str, found: Address) -> None:
        """Raise UnsafeToSign where a contract of ours is not the recorded one, by address or by code."""
        recorded = self.deployment.address(name)
        if found != recorded:
            raise UnsafeToSign(
                f"expected {name} at {recorded}, as the deployment record has it, found {found} joined to "
                f"{self.settlement}; correct the record, or join the recorded one"
            )
        self.deployment.check_code(self.rpc, name)

    def close(self) -> None:
        """Close the connections."""
        try:
            self.rpc.close()
        finally:
            self.node.close()
