"""Placing accepted mail: in a Maildir of ours, or with a next hop while the client waits."""
