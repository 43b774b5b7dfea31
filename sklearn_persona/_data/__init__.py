"""What a user hands in: table, roles of the trial, labels, room in memory."""
