"""The command line: one file a verb; `app` announces them, and is where the parts are put together."""
