"""Parts of ``make bench-quote``."""
