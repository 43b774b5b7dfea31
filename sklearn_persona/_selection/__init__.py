"""The procedure that a refit repeats: adjustment and search."""
