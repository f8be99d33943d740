"""Every fill is hedged exactly once, for every interleaving of crash, reorganisation and lost answer."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pmm.domain import WETH
from pmm.execution.hedging import BandHedge, BatchHedge, HedgeStrategy, Immediate, RatioHedge
from tests.helpers.hedging import ETHER
from tests.unit.execution.hedging.world import World

_STRATEGIES: dict[str, HedgeStrategy] = {
    "immediate": Immediate(),
    "band": BandHedge(inner=ETHER // 2, outer=ETHER),
    "batch": BatchHedge(usd_wad=5_000 * 10**18, age_ms=5_000),
    "ratio": RatioHedge(ratio_wad=7 * 10**17, inside=Immediate()),
}
_AMOUNTS = st.sampled_from([1, 7, ETHER // 3, ETHER, 2 * ETHER, -1, -ETHER, -ETHER // 7, -3 * ETHER])
_FAILURES = st.sampled_from(["crash before", "crash after", "lost before", "lost after", "refuse"])


class HedgerMachine(RuleBasedStateMachine):
    """Blocks, reorganisations, crashes and failures around one hedger."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(name=st.sampled_from(sorted(_STRATEGIES)))
    def choose(self, name: str) -> None:
        self.world.close()
        self.world = World(_STRATEGIES[name])

    @rule(fills=st.lists(_AMOUNTS, max_size=3), data=st.data(), off_by=st.sampled_from([0, 0, 5, -5]))
    def mine(self, fills: list[int], data: st.DataObject, off_by: int) -> None:
        pool = self.world.sender.pending()
        hedges = data.draw(st.lists(st.sampled_from(pool), unique=True)) if pool else []
        self.world.mine(fills=fills, hedges=hedges, off_by=off_by)

    @rule(depth=st.integers(1, 4), fills=st.lists(_AMOUNTS, max_size=2))
    def reorganise(self, depth: int, fills: list[int]) -> None:
        self.world.roll_back(depth)
        self.world.mine(fills=fills, hedges=[])

    @rule(with_market=st.booleans(), twice=st.booleans())
    def tell(self, with_market: bool, twice: bool) -> None:
        self.world.tell(with_market=with_market, twice=twice)

    @rule(times=st.sampled_from([1, 1, 4]))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.world.step()

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @rule(how=_FAILURES, times=st.sampled_from([1, 1, 3]))
    def fail_next(self, how: str, times: int) -> None:
        self.world.sender.next = [how] * times

    @rule()
    def mute(self) -> None:
        self.world.sender.mute = not self.world.sender.mute

    @precondition(lambda self: self.world.sender.pending())
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """A transaction is cancelled or displaced for good."""
        self.world.sender.dead.add(data.draw(st.sampled_from(self.world.sender.pending())))

    @invariant()
    def books_close(self) -> None:
        self.world.check_books()

    @invariant()
    def nothing_twice(self) -> None:
        self.world.check_sent()

    def teardown(self) -> None:
        try:
            self.world.settle_down()
            self.world.check_books()
            assert self.world.hedger.in_flight(WETH.address) == 0
        finally:
            self.world.close()


TestHedger = HedgerMachine.TestCase
TestHedger.settings = settings(
    max_examples=int(os.environ.get("PMM_HEDGER_EXAMPLES", "60")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
