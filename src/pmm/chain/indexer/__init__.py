"""Follows the chain: fills, cancels, transfers and lending of ours, through reorganisations, into the ledger.

How to join it::

    watch = watch_list(deployment, tokens, lending=find_lending(node, settlement, tokens), accounts=wallets)
    ledger = open_ledger(where, chain_id=1, maker=watch.settlement)
    pool = NodePool(urls, timeout_s=5)
    indexer = Indexer(
        nodes=pool, store=IndexStore(ledger), watch=watch, decoder=EventDecoder(watch, lookup), policy=IndexPolicy()
    )
    heads = HeadWatch(ws_urls).start()
    loop = IndexerLoop(indexer, heads=heads, probe=pool.probe, on_change=wake_consumers)
    threading.Thread(target=loop.run).start()                     # stop: loop.stop(), heads.stop()

``lookup(order_hash)`` finds an order that we signed (the journal knows it); it makes amounts of 1inch fills exact.
A test calls ``indexer.step()`` until it returns None. Consumers read ``ChainFeed`` inside a transaction of their own.
"""

from pmm.chain.indexer.block_source import BlockSource, LogQuery, Nodes
from pmm.chain.indexer.decoding import EventDecoder
from pmm.chain.indexer.errors import NodeLied, NoUsableNode, ReorgBelowFinality
from pmm.chain.indexer.feed import ChainFeed, Delivery
from pmm.chain.indexer.follower import Indexer, IndexPolicy
from pmm.chain.indexer.http_blocks import HttpBlocks
from pmm.chain.indexer.index_store import IndexStore, Place
from pmm.chain.indexer.loop import IndexerLoop
from pmm.chain.indexer.router_fills import KnownOrder, OrderLookup
from pmm.chain.indexer.watch_list import WatchList, watch_list

__all__ = [
    "BlockSource",
    "ChainFeed",
    "Delivery",
    "EventDecoder",
    "HttpBlocks",
    "IndexPolicy",
    "IndexStore",
    "Indexer",
    "IndexerLoop",
    "KnownOrder",
    "LogQuery",
    "NoUsableNode",
    "NodeLied",
    "Nodes",
    "OrderLookup",
    "Place",
    "ReorgBelowFinality",
    "WatchList",
    "watch_list",
]
