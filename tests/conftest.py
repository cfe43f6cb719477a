"""Hypothesis for every test: examples seeded from the test's own name, and no deadline, since a slow machine is no bug."""

from hypothesis import settings

settings.register_profile("glassgrad", derandomize=True, deadline=None, database=None)
settings.load_profile("glassgrad")
