"""Who may see and change what. The only place that knows it.

A root-admin sees everything. A group-admin sees the groups he was given, their
domains and all in them; a domain-admin his domains; a user his own mailboxes,
directives and log. What belongs to another tenant is reported as missing, by
the same exception and words as what does not exist.

    actor       Actor, actor_of, shell_actor, NotFound
    directory   groups, domains, mailboxes, aliases, persons, directives, networks, audit
    log         recipients, sessions, session, transaction, refusal_runs, gaps
    log_filter  LogFilter, Page
"""
