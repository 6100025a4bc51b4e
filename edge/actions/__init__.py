"""What a rule triggers, each kind named by string and imported on use."""
