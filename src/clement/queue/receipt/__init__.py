"""Receipts: what a person is told by mail of the messages that he has reported."""
