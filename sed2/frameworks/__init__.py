"""Networks of other frameworks as ones that `sed2.blocks.user` takes; each imported when needed."""
