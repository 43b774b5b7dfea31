"""What may be claimed: holdout, permutation, repeats, corrections."""
