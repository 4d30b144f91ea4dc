"""The disk, and what we hold on it until somebody else answers for it."""
