"""How much the proofs try: a little in CI, much by ``make test-invariants-long``."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

_LONG = os.environ.get("PMM_PROOF_DEPTH") == "long"
# A planted fault need not be made small: that it is found is enough, however many examples it takes.
_PLANTED = os.environ.get("PMM_PROOF_DEPTH") == "planted"
_PLANTED_TIMES = 20


def depth(*, short: int, long: int, steps: int | None = None, shrinks: bool = True) -> settings:
    """Return the settings of a property, or of a machine of at most ``steps`` steps.

    A property over a long list that names the guilty member in its message need not shrink the list.
    """
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    if shrinks and not _PLANTED:
        phases.append(Phase.shrink)
    profile = settings(
        max_examples=long if _LONG else _PLANTED_TIMES * short if _PLANTED else short,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        database=None if _PLANTED else settings().database,
    )
    return profile if steps is None else settings(profile, stateful_step_count=steps)


def run_machine(machine: Callable[[], RuleBasedStateMachine], profile: settings) -> None:
    """Run a machine that is built by a call; hypothesis takes any factory, its types name a class only."""
    run_state_machine_as_test(machine, settings=profile)  # type: ignore[arg-type]
