"""What units say of a subgroup: effects, intervals, tests."""
