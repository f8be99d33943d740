"""Which accounts, tokens and contracts are followed, and the node queries that find their logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pmm.chain.addresses import AAVE_V3_POOL, ONEINCH_ROUTER
from pmm.chain.deployments import Deployment
from pmm.chain.indexer import topics
from pmm.chain.indexer.block_source import LogQuery
from pmm.chain.lending_reader import LendingPlan
from pmm.domain import WETH, Address, Token, address_to_bytes, parse_address
from pmm.domain.native_backends import keccak256

# Contracts of ours that hold tokens, if only within a transaction.
_HOLDERS = ("AtomicHedger", "LendingAccount", "DeltaHedger", "RouterHooks")
_ROUTER = Address(ONEINCH_ROUTER)
_AAVE_POOL = Address(AAVE_V3_POOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchList:
    """What concerns the desk.

    Attributes:
        settlement: our settlement contract, the maker of its own orders and of those on 1inch.
        accounts: accounts whose token transfers count; the settlement contract is one of them.
        tokens: ERC-20 tokens whose transfers count.
        lending_accounts: owners of positions on Aave V3 and Compound V2.
        c_tokens: Compound V2's markets with the token of each.
        internal: contracts that move our tokens for us (hedger, hooks, markets): never the taker of a fill.
        makers: other accounts whose orders 1inch's contract fills.
        start_block: first block that can concern us: that of the settlement contract.
    """

    settlement: Address
    accounts: tuple[Address, ...]
    tokens: tuple[Address, ...]
    start_block: int
    lending_accounts: tuple[Address, ...] = ()
    c_tokens: Mapping[Address, Address] = field(default_factory=dict)
    internal: frozenset[Address] = frozenset()
    makers: tuple[Address, ...] = ()
    router: Address = _ROUTER
    aave_pool: Address = _AAVE_POOL

    @property
    def all_makers(self) -> tuple[Address, ...]:
        """Accounts whose orders 1inch's contract fills."""
        return (self.settlement, *self.makers)

    @property
    def fingerprint(self) -> str:
        """Name of what is watched: a ledger that was filled with another list lacks events of this one."""
        parts = (
            self.settlement,
            sorted(self.accounts),
            sorted(self.tokens),
            sorted(self.lending_accounts),
            sorted(self.c_tokens.items()),
            sorted(self.all_makers),
            self.router,
            self.aave_pool,
        )
        return keccak256(repr(parts).encode()).hex()[:32]

    def queries(self) -> list[LogQuery]:
        """Return ``eth_getLogs`` filters; some logs answer two of them, and some that answer are not ours."""
        accounts = [as_topic(account) for account in self.accounts]
        found: list[LogQuery] = [
            {"address": self.settlement, "topics": [[topics.SETTLEMENT_FILLED, *topics.SETTLEMENT_CANCELS]]},
            {"address": self.router, "topics": [[topics.ROUTER_FILLED]]},
            {
                "address": self.router,
                "topics": [[*topics.ROUTER_CANCELS], [as_topic(maker) for maker in self.all_makers]],
            },
        ]
        if self.tokens and accounts:
            found += [
                {"address": list(self.tokens), "topics": [[topics.TRANSFER], accounts]},
                {"address": list(self.tokens), "topics": [[topics.TRANSFER], None, accounts]},
            ]
        if WETH.address in self.tokens and accounts:
            wraps = [topics.WETH_DEPOSIT, topics.WETH_WITHDRAWAL]
            found.append({"address": WETH.address, "topics": [wraps, accounts]})
        owners = [as_topic(account) for account in self.lending_accounts]
        if owners:
            by_owner = [topics.AAVE_SUPPLY, topics.AAVE_WITHDRAW, topics.AAVE_BORROW, topics.AAVE_REPAY]
            found += [
                {"address": self.aave_pool, "topics": [by_owner, None, owners]},
                {"address": self.aave_pool, "topics": [[topics.AAVE_LIQUIDATION], None, None, owners]},
            ]
        if owners and self.c_tokens:
            actions = [topics.COMPOUND_MINT, topics.COMPOUND_REDEEM, topics.COMPOUND_BORROW]
            actions += [topics.COMPOUND_REPAY, topics.COMPOUND_LIQUIDATION]
            found.append({"address": list(self.c_tokens), "topics": [actions]})
        return found


def watch_list(
    deployment: Deployment,
    tokens: Sequence[Token],
    *,
    lending: LendingPlan | None = None,
    accounts: Sequence[Address] = (),
    makers: Sequence[Address] = (),
) -> WatchList:
    """Return what concerns a deployment: its recorded contracts, and ``accounts`` and ``makers`` beside them.

    ``lending`` is what ``find_lending`` found. Raises InvalidInput where the record holds no settlement contract.
    """
    settlement = parse_address(deployment.address("RfqSettlement"))
    recorded = [parse_address(contract.address) for contract in deployment.contracts.values()]
    holders = [
        parse_address(deployment.contracts[name].address) for name in _HOLDERS if name in deployment.contracts
    ]
    lenders = [lending.account] if lending else []
    markets = [*lending.a_tokens.values(), *lending.c_tokens.values()] if lending else []
    return WatchList(
        settlement=settlement,
        accounts=tuple(dict.fromkeys((settlement, *holders, *lenders, *accounts))),
        tokens=tuple(token.address for token in tokens),
        start_block=deployment.contracts["RfqSettlement"].block_number,
        lending_accounts=tuple(lenders),
        c_tokens={market: token for token, market in lending.c_tokens.items()} if lending else {},
        internal=frozenset((*recorded, *markets)),
        makers=tuple(makers),
    )


def as_topic(account: Address) -> str:
    """Return an address as it stands in an indexed argument."""
    return "0x" + address_to_bytes(account).rjust(32, b"\0").hex()
