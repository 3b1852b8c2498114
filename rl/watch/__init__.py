"""Watching a run: a live view in the terminal, TensorBoard, a report as one HTML file, a watchdog."""
