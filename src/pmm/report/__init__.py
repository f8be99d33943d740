"""The day report: `pmm report day` reads journal and ledger and writes one HTML file that needs nothing else.

``reading`` does the I/O, ``day`` the sums, ``plots`` the pictures, ``page`` the HTML. How to join it: the demo calls
``write_day(day, journal=..., ledger=..., target=...)`` when the desk has stopped; ``pmm.monitoring.history`` must
have sampled the desk's gauges into the ledger while it ran.
"""

from pmm.report.day import DayData, DayReport, day_report
from pmm.report.series import Point
from pmm.report.writing import write_day

__all__ = ["DayData", "DayReport", "Point", "day_report", "write_day"]
