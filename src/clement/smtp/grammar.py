"""The grammar of SMTP: each pattern under the ABNF it stands for.

Patterns only: nothing here knows commands, states or replies.  Quantifiers are possessive (`*+`, `++`)
wherever the grammar allows no second reading, so that no input makes a match take more than linear time.
Line ends are not part of any pattern: the session takes lines apart, at CRLF and nothing else.

Two deliberate widenings: a domain label may hold `_` (host names in the wild do, and a policy may still
refuse them), and one space is borne after `FROM:` and `TO:` (RFC 5321 §3.3 forbids it, clients send it).
"""
# ruff: noqa: ERA001 - ABNF is not commented-out code

from __future__ import annotations

import re

# --- Octets: what command lines of everyday look like; read without decoding ---------------------------

# atext      = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "/" /
#              "=" / "?" / "^" / "_" / "`" / "{" / "|" / "}" / "~"                        RFC 5322 §3.2.3
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"

# Dot-string = Atom *("." Atom)                                                           RFC 5321 §4.1.2
#              (a possessive group would do, but Python 3.11.2, Debian 12, then takes "a." too)
_DOT_STRING = rf"[{_ATEXT}]++(?:\.[{_ATEXT}]++)*"

# sub-domain = Let-dig [Ldh-str]
# Let-dig    = ALPHA / DIGIT
# Ldh-str    = *( ALPHA / DIGIT / "-" ) Let-dig                                           RFC 5321 §4.1.2
#              (at most 63 octets: RFC 1035 §2.3.4)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"

# Domain     = sub-domain *("." sub-domain)                                               RFC 5321 §4.1.2
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"

# mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF      with Dot-string and Domain only
# rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF        likewise             RFC 5321 §4.1.1.2-3
#
# Groups: local-part, domain (both None for the null path), parameters.
_PLAIN_PATH = rf"<(?:({_DOT_STRING})@({_DOMAIN}))?>(?: ++(.+))?"
PLAIN_MAIL = re.compile(rf"(?i:FROM): ?{_PLAIN_PATH}".encode("ascii"))
PLAIN_RCPT = re.compile(rf"(?i:TO): ?{_PLAIN_PATH}".encode("ascii"))

# The same commands with whatever stands between the angle brackets; quoted strings may hold any of them.
_ANY_PATH = rb'<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(?: ++(.+))?'
ANY_MAIL = re.compile(rb"(?i:FROM): ?" + _ANY_PATH, re.DOTALL)
ANY_RCPT = re.compile(rb"(?i:TO): ?" + _ANY_PATH, re.DOTALL)

# ehlo = "EHLO" SP ( Domain / address-literal ) CRLF                                   RFC 5321 §4.1.1.1
#        One word of printable ASCII: whether it is a fit name is for policy to say, a refusal for its
#        underscore would be none of the protocol's.
HELLO_WORD = re.compile(rb"[!-~]{1,255}")

# esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
# esmtp-value   = 1*(%d33-60 / %d62-126)      any printable ASCII but "=", and SP        RFC 5321 §4.1.2
#                 1*(%d33-60 / %d62-126 / UTF8-non-ascii) with SMTPUTF8                  RFC 6531 §3.3
# "=" itself is let through inside a value: RFC 4954's AUTH=<addr> carries it in local-parts.
PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9\-]*+)(?:=([!-~\x80-\xff]++))?")

# size-value    = 1*20DIGIT                                                                 RFC 1870 §6
SIZE_VALUE = re.compile(rb"[0-9]{1,20}")

# bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CRLF
# chunk-size = 1*DIGIT                                                                      RFC 3030 §2
#              (twenty digits are more octets than there are)
CHUNK_ARGUMENT = re.compile(rb"([0-9]{1,20})(?: ++((?i:LAST)))?")

# xtext   = *( xchar / hexchar )
# xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
# hexchar = "+" 2(%x30-39 / %x41-46)                                                        RFC 3461 §4
XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")

# auth-command = "AUTH" SP sasl-mech [SP initial-response] *[CRLF [base64]] CRLF            RFC 4954 §8
# sasl-mech    = 1*20mech-char;  mech-char = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE    RFC 4422 §3.1
AUTH_ARGUMENT = re.compile(rb"([A-Za-z0-9_\-]{1,20})(?: ++([!-~]++))?")

# Text in a command that takes any: printable ASCII.
TEXT = re.compile(rb"[ -~]*+")

# --- Characters: paths beyond the plain form ------------------------------------------------------------

# sub-domain =/ U-label, atext =/ UTF8-non-ascii, qtextSMTP =/ UTF8-non-ascii              RFC 6531 §3.3
_NON_ASCII = r"\x80-\U0010ffff"

# qtextSMTP        = %d32-33 / %d35-91 / %d93-126
# quoted-pairSMTP  = %d92 %d32-126
# Quoted-string    = DQUOTE *QcontentSMTP DQUOTE                                           RFC 5321 §4.1.2
QUOTED_LOCAL_PART = re.compile(rf'"((?:[ !#-\[\]-~{_NON_ASCII}]|\\[ -~])*)"')
DOT_LOCAL_PART = re.compile(rf"[{_ATEXT}{_NON_ASCII}]++(?:\.[{_ATEXT}{_NON_ASCII}]++)*")
QUOTED_PAIR = re.compile(r"\\(.)")

ASCII_DOMAIN = re.compile(_DOMAIN)
U_LABEL_DOMAIN = re.compile(rf"[A-Za-z0-9_{_NON_ASCII}][A-Za-z0-9_.\-{_NON_ASCII}]*+")

# A-d-l = At-domain *( "," At-domain ) ":"                                                 RFC 5321 §4.1.2
#         MUST BE accepted, SHOULD NOT be generated, and SHOULD be ignored
_AT_DOMAIN = rf"@(?:{_DOMAIN}|\[[!-Z^-~]++\])"
SOURCE_ROUTE = re.compile(rf"{_AT_DOMAIN}(?:,{_AT_DOMAIN})*:")

# address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
# IPv4-address-literal  = Snum 3("."  Snum)
# IPv6-address-literal  = "IPv6:" IPv6-addr                                                RFC 5321 §4.1.3
#                         General-address-literal has no registered tag, so none is accepted.
IPV6_TAG = "IPv6:"
