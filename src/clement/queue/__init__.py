"""Mail that leaves later: what somebody has released from where it was held."""
