"""[limits]: nothing unbounded, and every bound with its precedent."""

from __future__ import annotations

import msgspec

from clement.config.values import CommandLine, Count, CountOrNone, Delay, Rate, Recipients, Seconds, Size


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one client, and all of them together, may take. Every limit is checked while the line is open."""

    sessions: Count = 2000
    """Sessions at once, in all receivers together; the next one is told 421 (Postfix
    default_process_limit: 100, each a process; a waiting session here costs some 60 kB)."""
    sessions_per_client: Count = 50
    """Sessions at once from one IPv4 address or IPv6 /64
    (Postfix smtpd_client_connection_count_limit: 50)."""
    connections_per_minute: Rate = 0
    """New connections a minute from one client (Postfix smtpd_client_connection_rate_limit: none)."""
    messages_per_minute: Rate = 0
    """Transactions a minute from one client (Postfix smtpd_client_message_rate_limit: none)."""
    connections_per_minute_of_network: Rate = 0
    """New connections a minute from one IPv4 /24 or IPv6 /48. Networks that are trusted, or may relay, are
    held to none of these rates."""
    messages_per_minute_of_network: Rate = 0
    """Transactions a minute from one IPv4 /24 or IPv6 /48."""
    messages_per_minute_of_reverse_path: Rate = 0
    """Transactions a minute with one reverse-path, for each IPv4 /24 or IPv6 /48 by itself, so that nobody
    can use up what belongs to another's name."""
    messages_per_minute_of_recipient: Rate = 0
    """Messages a minute to one mailbox by all of its addresses (aliases, subaddresses, a catch-all), or to
    the mailboxes of one alias, from all who are neither trusted nor logged in; the next one is told 450."""
    recipients_per_hour_of_person: Rate = 1000
    """Recipients an hour of one person who has logged in; the next one is told 450. What a stolen password
    is worth."""
    recipients: Recipients = 1000
    """Recipients of one transaction (Postfix smtpd_recipient_limit: 1000)."""
    unknown_recipients: CountOrNone = 50
    """Recipients and messages refused with 5yz since the last accepted message, in one session, before
    it is ended: a dictionary attack. 0: no limit."""
    unknown_recipients_per_hour: Rate = 100
    """Unknown recipients an hour of one client, in all its sessions; then its RCPT is answered slowly, with
    421. Who brings more messages than that, is trusted, may relay, or is this machine, is not held to it."""
    unknown_recipients_per_hour_of_network: Rate = 400
    """The same of an IPv4 /24 or IPv6 /48, for those of its clients that have named an unknown recipient
    themselves."""
    transactions: Count = 1000
    """Transactions in one session (Exim smtp_accept_max_per_connection: 1000)."""
    size_bytes: Size = 52_428_800
    """Largest message, announced with SIZE (RFC 1870; Exim message_size_limit: 50 MB)."""
    command_line_bytes: CommandLine = 4096
    """Longest command line, AUTH excepted (RFC 5321 §4.5.3.1.4 asks for 512, extensions for more)."""
    auth_line_bytes: CommandLine = 12288
    """Longest line of an AUTH exchange (RFC 4954 §4)."""
    errors: Count = 20
    """Syntax and sequence errors before 421 (Postfix smtpd_hard_error_limit: 20)."""
    errors_borne: CountOrNone = 10
    """Syntax and sequence errors that are answered at once; replies to more are held in the tarpit
    (Postfix smtpd_soft_error_limit: 10)."""
    tarpit_delay_s: Delay = 1
    """How long a reply is held in the tarpit (Postfix smtpd_error_sleep_time: 1). 0: there is no tarpit."""
    tarpit_session_s: Delay = 30
    """How long the replies of one session are held, together; then it is told 421."""
    tarpit_sessions: Count = 200
    """Sessions in the tarpit at once, in all receivers together; one more is told 421 at once."""
    tarpit_sessions_per_client: Count = 5
    """Sessions of one client in the tarpit at once; one more is told 421 at once."""
    greeting_delay_s: Delay = 0
    """Wait before a stranger is greeted on an mx listener, to see who talks first (Postfix
    postscreen_greet_wait: 6). Good clients pay for it with that time at every connection. 0: no wait."""
    refuse_early_talkers: bool = True
    """Whether a client that talks before the greeting is told 554. False: it is evidence only."""
    refuse_unpermitted_pipelining: bool = False
    """Whether a client that goes on where it has to wait for a reply (RFC 2920 §3.1) is told 550 at RCPT.
    False: it is evidence only."""
    idle_commands: Count = 200
    """Commands in a row that bring no mail forward: NOOP, RSET, VRFY...
    (Postfix smtpd_junk_command_limit: 100)."""
    auth_failures: Count = 3
    """Wrong passwords before the session is ended."""
    session_time_s: Seconds = 7200
    """Longest session. A message under way when it is over may still be completed: content is held to
    content_bytes_per_s and size_bytes instead."""
    content_bytes_per_s: Rate = 500
    """Slowest average at which content may arrive, after the first minute (Postfix smtpd_min_data_rate:
    500). 0: no limit."""
    greeting_timeout_s: Seconds = 300
    """Wait for the first command (RFC 5321 §4.5.3.2.1: 5 minutes)."""
    command_timeout_s: Seconds = 300
    """Wait for the next command (RFC 5321 §4.5.3.2.7: 5 minutes)."""
    data_init_timeout_s: Seconds = 120
    """Wait for the first octet of content (RFC 5321 §4.5.3.2.4: 2 minutes)."""
    data_block_timeout_s: Seconds = 180
    """Wait for more content (RFC 5321 §4.5.3.2.5: 3 minutes)."""
    data_done_timeout_s: Seconds = 570
    """Time we take to judge and place a message, within the 10 minutes a client waits
    (RFC 5321 §4.5.3.2.6)."""
    write_timeout_s: Seconds = 60
    """Wait for a client to read our replies."""
    tls_timeout_s: Seconds = 30
    """Wait for a TLS handshake."""
    drain_timeout_s: Seconds = 30
    """After SIGTERM, wait for transactions under way before 421 (RFC 5321 §3.8)."""
