"""The tables of learning at work: lessons in, snapshots out. People come in by `access` and `actions`."""
