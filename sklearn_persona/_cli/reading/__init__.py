"""From a file to a trial."""
