"""sed2: rank neural architectures before training them."""
