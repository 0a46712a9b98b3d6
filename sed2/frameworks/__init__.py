"""Networks of other frameworks as ones that `sed2.blocks.factory` takes; imported when needed."""
