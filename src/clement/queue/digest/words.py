"""What digests and the pages behind their links say, in each language that they speak."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from clement.queue.digest import reasons
from clement.queue.digest.links import Deed

_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FRENCH_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_FRENCH_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


class PageWords(msgspec.Struct, frozen=True):
    """The page behind a link: its title, and why nothing is left to be done."""

    title: str
    already: str
    gone: str


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language. Texts with braces are formatted; `moment` gives a point in time as people write it.

    not_accepted: by the action of the rule that stands against it, "" where none could be made.
    """

    language: str
    subject_one: str
    subject_many: str
    opening_one: str
    opening_many: str
    quarantine: str
    refused_copy: str
    more: str
    author: str
    subject: str
    received: str
    why: str
    kept_until: str
    release: str
    release_and_accept: str
    delete: str
    no_subject: str
    no_author: str
    about_links: str
    no_links: str
    why_you: str
    moment: Callable[[datetime], str]
    held_page: PageWords
    lesson_page: PageWords
    reasons: dict[str, str]
    ask: dict[str, str]
    confirm: dict[str, str]
    done: dict[str, str]
    not_accepted: dict[str, str]
    message: str
    learned: str
    unwanted: str
    wanted: str
    expired: str
    incomplete: str
    not_now: str

    def page(self, deed: Deed) -> PageWords:
        """What the page says on which this is done."""
        return self.lesson_page if deed is Deed.TAKE_BACK else self.held_page

    def in_words(self, reason: str) -> str:
        """What a reason is called in a digest; what has no words of its own is a rule of the domain."""
        return self.reasons.get(reason) or self.reasons[""]


def _english_moment(at: datetime) -> str:
    day, month = _ENGLISH_DAYS[at.weekday()], _ENGLISH_MONTHS[at.month - 1]
    return f"{day}, {at.day} {month} {at.year}, {at:%H:%M} {at.tzname()}"


def _french_moment(at: datetime) -> str:
    day, month = _FRENCH_DAYS[at.weekday()], _FRENCH_MONTHS[at.month - 1]
    first = "1er" if at.day == 1 else str(at.day)
    return f"{day} {first} {month} {at.year}, {at:%H h %M} {at.tzname()}"


ENGLISH: Final = Words(
    language="en",
    subject_one="One message is held for you",
    subject_many="{count} messages are held for you",
    opening_one="Since the last list one message to {address} was kept back.",
    opening_many="Since the last list {count} messages to {address} were kept back.",
    quarantine="Accepted and held: the author believes that it has arrived.",
    refused_copy="Refused: the author was told so. This is a copy.",
    more="And {count} more, which this list has no room for.",
    author="From",
    subject="Subject",
    received="Received",
    why="Why",
    kept_until="Kept until",
    release="Deliver",
    release_and_accept="Deliver, and accept this author from now on",
    delete="Delete",
    no_subject="(no subject)",
    no_author="(no author)",
    about_links=(
        "Each link opens a page that asks once more before anything is done. It works until {until} and for "
        "this message only. Whoever has this mail can use its links: do not forward it."
    ),
    no_links="Ask the administrator of your mail to have a message delivered, and name its number.",
    why_you="You receive this list because mail to {address} is filtered by {host}.",
    moment=_english_moment,
    held_page=PageWords(
        "Held mail",
        "This was done before: the message is no longer held.",
        "This message is no longer kept.",
    ),
    lesson_page=PageWords(
        "Reported mail",
        "This was done before: the message counts no longer.",
        "Nothing is known of this report any more.",
    ),
    reasons=reasons.ENGLISH,
    ask={
        "release": "Deliver this message to your mailbox?",
        "release-and-accept": "Deliver this message, and accept what this author writes to you from now on?",
        "delete": "Delete this message?",
        "take-back": "Take back what you have reported, as if you had never said it?",
    },
    confirm={
        "release": "Deliver",
        "release-and-accept": "Deliver and accept",
        "delete": "Delete",
        "take-back": "Take back",
    },
    done={
        "release": "The message is on its way to your mailbox.",
        "release-and-accept": (
            "The message is on its way to your mailbox, and this author's mail will be accepted when it is "
            "proven to be his."
        ),
        "delete": "The message is deleted.",
        "take-back": "It is taken back; within a minute or so the filter is as if it had never been said.",
    },
    not_accepted={
        "refuse": (
            "But this author's mail will not be accepted from now on: rule number {number} refuses it, and "
            "wins. Ask the administrator of your mail to change that rule."
        ),
        "quarantine": (
            "But this author's mail will not be accepted from now on: rule number {number} holds it back, "
            "and wins. Ask the administrator of your mail to change that rule."
        ),
        "": (
            "But this author's mail will not be accepted from now on: no rule can be made for the address "
            "that this message came from."
        ),
    },
    message="Message",
    learned="Learned as",
    unwanted="unwanted",
    wanted="wanted",
    expired="This link has expired. A newer list may still show the message.",
    incomplete="This link is not complete. Was it cut when the mail was shown or copied?",
    not_now="This cannot be done just now. Nothing has changed; please try again in a few minutes.",
)

FRENCH: Final = Words(
    language="fr",
    subject_one="Un message est retenu pour vous",
    subject_many="{count} messages sont retenus pour vous",
    opening_one="Depuis la dernière liste, un message adressé à {address} a été retenu.",
    opening_many="Depuis la dernière liste, {count} messages adressés à {address} ont été retenus.",
    quarantine="Accepté et retenu : l'auteur pense que le message est arrivé.",
    refused_copy="Refusé : l'auteur en a été averti. Ceci est une copie.",
    more="Et {count} de plus, pour lesquels cette liste n'a pas de place.",
    author="De",
    subject="Objet",
    received="Reçu",
    why="Motif",
    kept_until="Conservé jusqu'au",
    release="Remettre",
    release_and_accept="Remettre, et accepter désormais cet auteur",
    delete="Supprimer",
    no_subject="(sans objet)",
    no_author="(sans auteur)",
    about_links=(
        "Chaque lien ouvre une page qui demande confirmation avant d'agir. Il est valable jusqu'au {until} "
        "et pour ce message seulement. Quiconque possède ce courriel peut se servir de ses liens : ne le "
        "transférez pas."
    ),
    no_links=(
        "Pour recevoir un message, demandez-le à l'administrateur de votre messagerie "
        "en indiquant son numéro."
    ),
    why_you="Vous recevez cette liste parce que le courrier de {address} est filtré par {host}.",
    moment=_french_moment,
    held_page=PageWords(
        "Courrier retenu",
        "C'était déjà fait : le message n'est plus retenu.",
        "Ce message n'est plus conservé.",
    ),
    lesson_page=PageWords(
        "Courrier signalé",
        "C'était déjà fait : le message ne compte plus.",
        "Plus rien n'est connu de ce signalement.",
    ),
    reasons=reasons.FRENCH,
    ask={
        "release": "Remettre ce message dans votre boîte ?",
        "release-and-accept": "Remettre ce message, et accepter désormais ce que cet auteur vous écrit ?",
        "delete": "Supprimer ce message ?",
        "take-back": "Retirer ce que vous avez signalé, comme si vous ne l'aviez jamais dit ?",
    },
    confirm={
        "release": "Remettre",
        "release-and-accept": "Remettre et accepter",
        "delete": "Supprimer",
        "take-back": "Retirer",
    },
    done={
        "release": "Le message est en route vers votre boîte.",
        "release-and-accept": (
            "Le message est en route vers votre boîte, et le courrier de cet auteur sera accepté lorsqu'il "
            "est prouvé qu'il vient de lui."
        ),
        "delete": "Le message est supprimé.",
        "take-back": "C'est retiré ; d'ici une minute environ, le filtre sera comme si rien n'avait été dit.",
    },
    not_accepted={
        "refuse": (
            "Mais le courrier de cet auteur ne sera pas accepté pour autant : la règle numéro {number} le "
            "refuse et l'emporte. Demandez à l'administrateur de votre messagerie de la modifier."
        ),
        "quarantine": (
            "Mais le courrier de cet auteur ne sera pas accepté pour autant : la règle numéro {number} le "
            "retient et l'emporte. Demandez à l'administrateur de votre messagerie de la modifier."
        ),
        "": (
            "Mais le courrier de cet auteur ne sera pas accepté pour autant : aucune règle ne peut être "
            "établie pour l'adresse d'où vient ce message."
        ),
    },
    message="Message",
    learned="Appris comme",
    unwanted="indésirable",
    wanted="désirable",
    expired="Ce lien a expiré. Une liste plus récente montre peut-être encore le message.",
    incomplete="Ce lien n'est pas complet. A-t-il été coupé à l'affichage ou à la copie ?",
    not_now="C'est impossible pour l'instant. Rien n'a changé ; réessayez dans quelques minutes.",
)

LANGUAGES: Final = {"en": ENGLISH, "fr": FRENCH}


def words_for(language: str) -> Words:
    """The words of a language, "fr" or "fr-CA"; English for one that we do not speak."""
    return LANGUAGES.get(language.partition("-")[0].lower(), ENGLISH)


def preferred(accept_language: str) -> Words:
    """The words for an Accept-Language field (RFC 9110 §12.5.4): the first of the best that we speak."""
    best, best_quality = ENGLISH, 0.0
    for entry in accept_language[:500].split(","):
        name, _semicolon, parameter = entry.strip().partition(";")
        quality = _quality(parameter)
        if name.partition("-")[0].lower() in LANGUAGES and quality > best_quality:
            best, best_quality = words_for(name), quality
    return best


def _quality(parameter: str) -> float:
    _q, _equals, value = parameter.partition("=")
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0
