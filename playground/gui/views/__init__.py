"""One view, one file or one folder; none imports another."""
