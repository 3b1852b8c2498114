"""Before a run starts: its memory by part, its batch sizes with their units, its tokens, its time."""
