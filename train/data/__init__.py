"""Know the data: what the files are, which show the same, and a split that keeps those together."""
