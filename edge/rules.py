"""Which actions follow from what is believed: pure, time is passed in."""
