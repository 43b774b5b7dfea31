"""The search: from conditions to the best rules."""
