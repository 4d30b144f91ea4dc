"""The tables, and the only ways to them. Everything else sees values, never a model.

database    DatabaseSettings, connect, disconnect: call `connect` before importing what follows
schema      migrate, schema_state, require_current_schema
durability  unsafe_settings: what may lose a COMMIT in a power cut
access      who may see what: actor_of, shell_actor, and all reading on behalf of a person
actions     every write: group, domain, mailbox, alias, person, role, directive, network
records     the frozen rows that access and actions hand out
snapshot    current_version, load_directory: the directory as a receiver works with it
log_writer  SqlLogWriter: the journal's records into SQL
retention   delete_expired: the log's old rows, in small batches
"""
