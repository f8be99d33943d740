"""``GET /healthz``: what the server knows, and whether it quotes."""

from __future__ import annotations

from typing import Any

from pmm.domain import Decision
from pmm.execution import (
    AdmissionDesk,
    ChainView,
    Clock,
    DeskPolicy,
    Settlement,
)
from pmm.journal import Journal
from pmm.server.refresher import MarketRefresher


class Health:
    """Reports on a running server."""

    def __init__(
        self,
        *,
        admission: AdmissionDesk,
        journal: Journal,
        refresher: MarketRefresher,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._book = admission.book
        self._signer = admission.signer
        self._journal = journal
        self._refresher = refresher
        self._clock = clock

    @property
    def _policy(self) -> DeskPolicy:
        # A reload swaps it between two requests.
        return self._admission.policy

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether any direction is quoted, and everything else."""
        found = await self._refresher.current()
        view = self._refresher.view
        pairs, reasons = ({}, [found.detail]) if isinstance(found, Decision) else self._pairs(found)
        if self._journal.last_error is not None:
            reasons.insert(0, self._journal.last_error)
        # An order that cannot be journaled is refused, whatever its price.
        quoting = self._journal.last_error is None and any(state == "quoting" for state in pairs.values())
        body: dict[str, Any] = {
            "state": "quoting" if quoting else "refusing",
            "reasons": reasons,
            "pairs": pairs,
            "chain": self._chain(view) if view else {},
            "feeds": self._feeds(view) if view else [],
            "inventory": self._inventory(view) if view else [],
            "liveQuotes": len(self._book),
            "signer": {"address": self._signer.address, "mode": self._signer.mode.value},
            "maker": self._policy.maker,
            "settlements": {
                settlement.value: domain.verifying_contract
                for settlement, domain in self._policy.domains.items()
            },
            "journal": {"path": str(self._journal.path), "error": self._journal.last_error},
        }
        return quoting, body

    def _pairs(self, view: ChainView) -> tuple[dict[str, str], list[str]]:
        states: dict[str, str] = {}
        reasons: list[str] = []
        for taker, maker, pair in self._policy.pairs.directions():
            gate = self._admission.gate(view, taker, maker)
            terms = (
                self._admission.terms(view, pair, maker_asset=maker, taker_asset=taker)
                if gate.accepted
                else gate
            )
            state = "quoting"
            if isinstance(terms, Decision):
                state = terms.reason.value if terms.reason else ""
                if terms.detail not in reasons:
                    reasons.append(terms.detail)
            states[f"{taker.symbol}->{maker.symbol}"] = state
        return states, reasons

    def _chain(self, view: ChainView) -> dict[str, Any]:
        now_s = self._clock.monotonic_s()
        return {
            "id": view.node.chain_id,
            "client": view.node.client_version,
            "development": view.node.development,
            "block": view.market.block_number,
            "blockTimestamp": view.market.block_timestamp_s,
            "chainTime": view.chain_now_s(now_s),
            "viewAgeMs": int((now_s - view.read_at_s) * 1000),
            "gasPriceWei": str(view.market.gas_price_wei),
            "nodeError": self._refresher.error,
        }

    def _feeds(self, view: ChainView) -> list[dict[str, Any]]:
        now_s = view.chain_now_s(self._clock.monotonic_s())
        return [
            {
                "feed": feed.name,
                "answer": str(feed.answer),
                "decimals": feed.decimals,
                "ageSeconds": now_s - feed.updated_at_s,
                "heartbeatSeconds": feed.heartbeat_s,
            }
            for feed in view.market.feeds.values()
        ]

    def _inventory(self, view: ChainView) -> list[dict[str, str]]:
        tokens = {
            token.address: token
            for taker, maker, _ in self._policy.pairs.directions()
            for token in (taker, maker)
        }
        rows = []
        for address, token in tokens.items():
            held = self._admission.inventory(view, token, Settlement.PMM)
            rows.append(
                {
                    "token": token.symbol,
                    "address": address,
                    "balance": str(held.balance),
                    "reserved": str(held.reserved),
                    "free": str(held.free),
                    "routerAllowance": str(view.router_allowances.get(address, 0)),
                }
            )
        return rows
