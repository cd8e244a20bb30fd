"""Every figure that takes longer than a test: commands anyone can run; their output is kept in RESULTS.md."""
