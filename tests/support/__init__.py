"""What several suites of tests share: oracles, tiny models, local servers."""
