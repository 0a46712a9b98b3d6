"""Is a run the same whatever befalls it? The checks, one file each."""
