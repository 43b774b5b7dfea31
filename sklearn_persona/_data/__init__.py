"""Input of the user: table, roles and labels; checks, routing and serialization."""
