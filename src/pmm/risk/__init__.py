"""What is at risk, where the lines are, and what is asked for when one is crossed. Pure: no I/O, no clock.

How it is joined: the desk makes one ``RiskMonitor(settings, expect={"net_delta_pct": ("WETH",), ...})``, restored
from the states its ledger holds (``pmm.execution.actions``). Everything that happens becomes a ``RiskEvent`` for
``monitor.apply``; ``monitor.tick(now_ms)`` is called every second. Both return the transitions, to be recorded.
``monitor.requests(now_ms)`` returns what is asked for, to be handed to ``ActionRunner.submit``. Value at risk is
measured beside it (``pmm.risk.var``) and comes back as a ``VarMeasured`` event. ``pre_trade_state`` makes what
admission holds against every quote (``PreTradeBook``, ``pmm.execution.pre_trade_gate``).
"""

from pmm.risk.limits import OpenQuotes, QuoteLimits, check_quote, check_size, cut_limits

__all__ = ["OpenQuotes", "QuoteLimits", "check_quote", "check_size", "cut_limits"]
