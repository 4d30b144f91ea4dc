"""Content: octets in, facts out. Pure and total: no sockets, clock or log; linear time on every input."""
