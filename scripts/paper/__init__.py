"""The experiments of the paper, by kind, and the rule that its claims are held to."""
