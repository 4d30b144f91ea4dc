"""The append-only local record log and the recorder that empties it into SQL."""
