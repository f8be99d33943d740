"""Whatever a socket tells and when: it is believed only while it keeps up with HTTP, by a model with all history."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pmm.chain.node_pool import HeadChoice, HeadSource, WatchPolicy

POLICY = WatchPolicy(poll_s=1, check_s=2, quiet_s=20, lag_s=3, least_s=0)


class Heads(RuleBasedStateMachine):
    """HTTP shows blocks; a socket tells some of them, late, twice, never, or others."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.choice = HeadChoice(POLICY, lambda: self.now_s)
        self.made = 0
        self.shown: list[tuple[bytes, float]] = []
        self.told: dict[bytes, float] = {}
        self.told_s = float("-inf")

    def block(self) -> bytes:
        self.made += 1
        return self.made.to_bytes(32, "big")

    def show(self, block: bytes) -> None:
        self.shown.append((block, self.now_s))
        self.choice.seen(block)

    def tell(self, block: bytes) -> None:
        self.told.setdefault(block, self.now_s)
        self.told_s = self.now_s
        self.choice.told(block)

    @rule(seconds=st.sampled_from((0.5, 1.0, 2.5, 3.5, 12.0, 21.0)))
    def time_goes_by(self, seconds: float) -> None:
        self.now_s += seconds
        self.choice.judge()

    @precondition(lambda self: not self.choice.standing)
    @rule()
    def subscribe(self) -> None:
        self.told.clear()
        self.told_s = self.now_s
        self.choice.subscribed()

    @rule(honest=st.booleans())
    def http_first(self, honest: bool) -> None:
        block = self.block()
        self.show(block)
        self.tell(block if honest else self.block())

    @rule()
    def socket_first(self) -> None:
        block = self.block()
        self.tell(block)
        self.show(block)

    @rule()
    def http_alone(self) -> None:
        self.show(self.block())

    @rule()
    def http_again(self) -> None:
        if self.shown:
            self.choice.seen(self.shown[-1][0])

    @rule(back=st.integers(1, 5))
    def socket_late(self, back: int) -> None:
        if len(self.shown) >= back:
            self.tell(self.shown[-back][0])

    @rule()
    def socket_dies(self) -> None:
        self.choice.ended("cut")
        assert self.choice.source is HeadSource.HTTP

    @invariant()
    def believed_only_while_it_keeps_up(self) -> None:
        self.choice.judge()
        assert self.choice.pause_s <= max(POLICY.poll_s, POLICY.check_s)
        if self.choice.source is HeadSource.HTTP:
            return
        assert self.choice.standing
        assert self.now_s - self.told_s <= POLICY.quiet_s
        both = [
            at
            for at, (block, shown_s) in enumerate(self.shown)
            if block in self.told and self.told[block] - shown_s <= POLICY.lag_s
        ]
        assert both, "believed without a head that both showed"
        # What HTTP showed after the last head of both.
        late = [shown_s for _, shown_s in self.shown[both[-1] + 1 :] if self.now_s - shown_s > POLICY.lag_s]
        assert not late, f"behind by {late}"


TestHeads = Heads.TestCase
TestHeads.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
