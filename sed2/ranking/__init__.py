"""From the results of all candidates to their order, how sure it is, and what it predicts."""
