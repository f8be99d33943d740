"""One module for each case of ``make bench-desk``: ``measure()`` returns its rows."""
