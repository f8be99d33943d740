"""Gauges of the exchanges' order books, read when somebody scrapes."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pmm.market_data import LiveBooks


class BookGauges(Collector):
    """Whether each venue is heard, and how old each book is; nothing where no book is named."""

    def __init__(self, books: LiveBooks) -> None:
        self._books = books

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        if not self._books.books:
            return
        up = GaugeMetricFamily("pmm_book_feed_up", "1 while a venue's books are heard.", labels=("venue",))
        for venue, connected in self._books.connected().items():
            up.add_metric((venue,), float(connected))
        yield up
        ages = GaugeMetricFamily(
            "pmm_book_age_seconds",
            "Age of a book's newest prices; absent while it has none.",
            labels=("book",),
        )
        for book, age_ms in self._books.ages_ms().items():
            if age_ms is not None:
                ages.add_metric((book,), age_ms / 1_000)
        yield ages
