"""Results in, string out: one module per format, and none of them prints."""
