"""[limits]: nothing unbounded, and every bound with its precedent."""

from __future__ import annotations

import msgspec

from clement.config.values import CommandLine, Count, CountOrNone, Rate, Recipients, Seconds, Size


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
    recipients: Recipients = 1000
    """Recipients of one transaction (Postfix smtpd_recipient_limit: 1000)."""
    unknown_recipients: CountOrNone = 50
    """Recipients and messages refused with 5yz since the last accepted message, in one session, before
    it is ended: a dictionary attack. 0: no limit."""
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
