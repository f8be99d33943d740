"""What holds for every test."""

from hypothesis import settings

# A busy machine takes its time: no test measures it, benchmarks do.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
