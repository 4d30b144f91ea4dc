"""Evidence, directives, verdict: what Clement thinks of a message, and why.

Nothing here opens a socket or reads a table: checks report findings, `decide`
turns findings and directives into a verdict, and everything a check needs from
the outside world comes through a Protocol of `ports`.
"""
