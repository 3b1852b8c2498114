"""The parts of evaluation; `mathpipe.evaluate` is the way in."""
