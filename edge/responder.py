"""The follower that turns looks into occurrences, and hands them to memory and actions."""
