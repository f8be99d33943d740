"""Several nodes as one: health, choice, lies, and new heads over WebSocket or the clock.

``NodePool(urls)`` is the ``Nodes`` that ``pmm.chain.indexer.Indexer`` takes; call ``probe()`` now and then so that
nodes that stand by are measured too (``IndexerLoop`` does). ``states()`` is what metrics and the risk engine read.
``HeadWatch(ws_urls)`` says when to look; tell it what was read.
"""

from pmm.chain.node_pool.head_choice import Fall, HeadChoice, HeadSource, WatchPolicy
from pmm.chain.node_pool.head_watch import HeadState, HeadWatch
from pmm.chain.node_pool.pool import NodePool, NodeState, PooledNode, PoolPolicy
from pmm.chain.node_pool.score import HealthWindow, call_score, sync_score

__all__ = [
    "Fall",
    "HeadChoice",
    "HeadSource",
    "HeadState",
    "HeadWatch",
    "HealthWindow",
    "NodePool",
    "NodeState",
    "PoolPolicy",
    "PooledNode",
    "WatchPolicy",
    "call_score",
    "sync_score",
]
