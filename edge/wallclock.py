"""The clock on the wall, and whether it is to be trusted."""
