"""Clement: a mail server and anti-spam gateway that answers while the line is still open."""
