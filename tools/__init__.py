"""Scripts of this repository only; nothing here is installed."""
