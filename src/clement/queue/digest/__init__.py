"""Digests: a person's list of newly held mail, by mail. When it is due, what it says, what its links do."""
