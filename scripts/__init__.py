"""Scripts that measure sed2 and make pages of its documentation; README.md lists them."""
