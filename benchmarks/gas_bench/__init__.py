"""The parts of ``benchmarks/gas.py``: one bare chain, the contracts side by side on it, one fill each."""
