"""Results as tables of the terminal."""
