"""Hours and days in which something may happen."""
