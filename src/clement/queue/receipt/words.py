"""What receipts of reports say, in each language that letters speak."""

from __future__ import annotations

from typing import Final

import msgspec

from clement.queue.digest import words as digest
from clement.queue.digest.words import Words


class ReceiptWords(msgspec.Struct, frozen=True, kw_only=True):
    """One language. Texts with braces are formatted. common: what other letters say, too.

    wanted_many, unwanted_many: of several messages.
    """

    common: Words
    wanted_many: str
    unwanted_many: str
    subject_one: str
    subject_many: str
    subject_none: str
    opening: str
    result: str
    learned: str
    before: str
    unreadable: str
    limit: str
    left_out: str
    about_undoing: str
    about_links: str
    why_you: str


ENGLISH: Final = ReceiptWords(
    common=digest.ENGLISH,
    wanted_many="wanted",
    unwanted_many="unwanted",
    subject_one="One message learned as {kind}",
    subject_many="{count} messages learned as {kinds}",
    subject_none="No message learned as {kind}",
    opening="Of what you reported as {kind} on {moment}, {count} of {all} were learned.",
    result="Result",
    learned="learned as {kind}, number {number}",
    before="not learned again: it was known as {kind} already, number {number}",
    unreadable="not learned: it could not be read",
    limit="not learned: so many lessons as may be given in one day had been given",
    left_out="More was attached. Only the first {all} were looked at: please report the others once more.",
    about_undoing="With its number, the administrator of your mail can take back what was learned.",
    about_links=(
        "Each link opens a page that asks once more before anything is taken back. It works until {until} "
        "and for this message only. Whoever has this mail can use its links: do not forward it."
    ),
    why_you=(
        "You receive this because somebody who had logged in to {host} as {login} reported mail. If it was "
        "not you, somebody knows your password: change it."
    ),
)

FRENCH: Final = ReceiptWords(
    common=digest.FRENCH,
    wanted_many="désirables",
    unwanted_many="indésirables",
    subject_one="Un message appris comme {kind}",
    subject_many="{count} messages appris comme {kinds}",
    subject_none="Aucun message appris comme {kind}",
    opening="De ce que vous avez signalé comme {kind}, {moment}, {count} sur {all} ont été appris.",
    result="Résultat",
    learned="appris comme {kind}, numéro {number}",
    before="pas appris de nouveau : il était déjà connu comme {kind}, numéro {number}",
    unreadable="pas appris : il n'a pas pu être lu",
    limit="pas appris : le nombre de leçons permis en un jour était atteint",
    left_out=(
        "D'autres messages étaient joints. Seuls les {all} premiers ont été regardés : veuillez signaler "
        "les autres encore une fois."
    ),
    about_undoing=(
        "À l'aide de son numéro, l'administrateur de votre messagerie peut retirer ce qui a été appris."
    ),
    about_links=(
        "Chaque lien ouvre une page qui demande confirmation avant de retirer quoi que ce soit. Il est "
        "valable jusqu'au {until} et pour ce message seulement. Quiconque possède ce courriel peut se servir "
        "de ses liens : ne le transférez pas."
    ),
    why_you=(
        "Vous recevez ceci parce que quelqu'un, connecté à {host} sous le nom de {login}, a signalé du "
        "courrier. Si ce n'était pas vous, quelqu'un connaît votre mot de passe : changez-le."
    ),
)

LANGUAGES: Final = {"en": ENGLISH, "fr": FRENCH}


def words_for(language: str) -> ReceiptWords:
    """The words of a language, "fr" or "fr-CA"; English for one that we do not speak."""
    return LANGUAGES[digest.words_for(language).language]
