"""Whether a ranking stays the same when N, K, sigma or the seed change."""
