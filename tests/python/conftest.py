"""conftest.py: how Hypothesis searches: the same examples in every run, and no limit of time on a busy machine."""

import hypothesis

hypothesis.settings.register_profile(
    "softjac", derandomize=True, deadline=None, max_examples=60, database=None, print_blob=False
)
hypothesis.settings.load_profile("softjac")
