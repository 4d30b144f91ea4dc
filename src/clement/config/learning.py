"""[learning]: the filter that learns from its users, and how it may be taught."""

from __future__ import annotations

import msgspec

from clement.config.values import Count, CountOrNone, Seconds, WholeDaysOrNone


class LearningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The filter that learns what is unwanted here from the people here (docs/teaching.md)."""

    enabled: bool = True
    """false: nothing is weighed by it, and nobody teaches it but `clement learned` and `clement train`."""
    publish_s: Seconds = 30
    """What was taught is given to all receivers after so long at most, and at most so often."""
    ledger_days: WholeDaysOrNone = 365
    """Days that the ledger keeps what was taught, and so the model, apart from the last 2000 lessons.
    0: for ever."""
    ledger_acts: Count = 50_000
    """Lessons that it keeps at most; the model is made of these."""
    acts_per_day: Count = 500
    """Lessons that one person, and certain evidence for one mailbox or domain, may give in a day."""
    junk_folders: tuple[str, ...] = ("Junk", "Spam")
    """Folders of local mailboxes, by their Maildir++ names: what people move into one is taught as unwanted,
    what they move out as wanted. []: nobody looks."""
    junk_look_s: Seconds = 30
    """Look into them so often."""
    report_spam: str = ""
    """An address to which people who have logged in send unwanted mail as an attachment; no mailbox."""
    report_ham: str = ""
    """And one for mail that was wanted."""
    report_mails_per_hour: CountOrNone = 10
    """Mails in an hour that tell one person what was learned of his reports. 0: none; the reply in the
    session tells it alone."""
    traps: tuple[str, ...] = ()
    """Addresses that nobody gives to anybody: mail to them is taught as unwanted."""
    replies: bool = True
    """Mail without a virus that answers a message which a person sent from here is taught as wanted."""
