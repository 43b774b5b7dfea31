"""Trees of treatment effects, and what they share."""
