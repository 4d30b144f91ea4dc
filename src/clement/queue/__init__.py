"""Mail that leaves later: what was held and is released, and what people are told about it."""
