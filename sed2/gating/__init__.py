"""The gate: whether a change of an architecture keeps its score, judged against a stored baseline.

evidence (a score and how it scatters) -> baseline (the file) -> rules -> gate (the verdicts)
"""
