"""MIME structure over octets: ranges instead of copies, limits on everything, every malformation noted."""
