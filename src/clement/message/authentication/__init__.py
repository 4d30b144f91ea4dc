"""Who stands behind a message: SPF, DKIM, ARC, DMARC and the field that tells their results (RFC 8601).

Evaluators read octets and ask the `clement.message.dns.Dns` that they are given; they decide nothing.
"""
