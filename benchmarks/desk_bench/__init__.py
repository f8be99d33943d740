"""Cases of ``benchmarks/desk.py``."""
