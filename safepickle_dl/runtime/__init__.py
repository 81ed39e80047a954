"""The nets on a runtime: the same scores, whichever it is."""
