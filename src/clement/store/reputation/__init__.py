"""From the log to reputation: what waits to be counted, and the counting of it."""
