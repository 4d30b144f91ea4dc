"""Every write to the directory, one module a noun.

An action takes the `Actor` on whose behalf it is done, checks that he may, brings
names into their stored form, refuses with ActionRefused(field, reason) what
cannot be, writes the audit log and raises the directory's version. Things
are named as people name them: a group by its name, a mailbox by its address, a
directive by its number. `version=` is what the person was shown; when the thing
has changed since, ChangedMeanwhile is raised.

    group      add_group, change_group(GroupChange), remove_group
    domain     add_domain, change_domain(DomainChange), remove_domain
    mailbox    add_mailbox, add_mailboxes, change_mailbox(MailboxChange), remove_mailbox
    alias      add_alias, change_alias, remove_alias
    person     add_person, change_person(PersonChange), set_password, remove_person,
               allow_send_as, forbid_send_as
    role       grant_role, revoke_role
    directive  add_directive(NewDirective), change_directive(DirectiveChange), remove_directive
    network    add_network, change_network(NetworkChange), remove_network
    digest     plan_digest(NewDigestPlan), drop_digest_plan
"""
