"""The checks, one idea a file. `plan` is the table of which runs when."""
