"""What of the docs site is generated."""
