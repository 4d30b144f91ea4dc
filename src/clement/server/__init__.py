"""The asyncio shell around the protocol core: listeners, connections, sessions, processes.

It turns bytes into events and verdicts into replies. What a message is worth is
decided in `policy`, where it goes in `delivery`; SQL is not known here at all.
"""
