"""How following the chain fails."""

from pmm.errors import ChainError, InvariantViolated


class NodeLied(ChainError):
    """A node contradicts itself or the chain it told before; nothing of what it said was kept."""


class NodeIncomplete(ChainError):
    """A node lacks what it spoke of: several machines behind one address do so for a moment, a liar for ever."""


class NoUsableNode(ChainError):
    """No node answers, or none can be trusted now; it is tried again."""


class ReorgBelowFinality(InvariantViolated):
    """Every node gives up a block that was final: a person must find out which chain is right."""
