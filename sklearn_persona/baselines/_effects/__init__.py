"""Trees of treatment effects."""
