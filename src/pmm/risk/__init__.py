"""Limits and pre-trade checks: pure, synchronous, without I/O or clock."""

from pmm.risk.limits import OpenQuotes, QuoteLimits, check_quote, check_size

__all__ = ["OpenQuotes", "QuoteLimits", "check_quote", "check_size"]
