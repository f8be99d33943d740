"""Markets beyond the chain: order books, CoinGecko, the operator's own prices; each behind a port of execution."""

from pmm.market_data.book_venues import BOOK_VENUES
from pmm.market_data.books import book_reference, micro_price_wad
from pmm.market_data.coingecko import COINGECKO, CoinGecko, fetch_prices
from pmm.market_data.combined import CombinedMarket
from pmm.market_data.live_books import FeedPatience, LiveBook, LiveBooks
from pmm.market_data.operator_file import OWN_COST, OperatorPrices
from pmm.market_data.recordings import BinanceRecording, HyperliquidRecording
from pmm.market_data.switched import SwitchedMarket

__all__ = [
    "BOOK_VENUES",
    "COINGECKO",
    "OWN_COST",
    "BinanceRecording",
    "CoinGecko",
    "CombinedMarket",
    "FeedPatience",
    "HyperliquidRecording",
    "LiveBook",
    "LiveBooks",
    "OperatorPrices",
    "SwitchedMarket",
    "book_reference",
    "fetch_prices",
    "micro_price_wad",
]
