"""The Flax modules of the kinds of block, apart from their options: imported when one is built."""
