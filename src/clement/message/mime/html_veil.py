"""Which texts of a page nobody can see: inside of what is hidden, or in the colour of their ground.

One stack of what is open, as the standard has it where it matters: an end tag ends all that was opened
inside, and some start tags end what stands on top (WHATWG HTML §13.1.2.4).
"""

from __future__ import annotations

from clement.message.mime.html_elements import ENDS, VOID
from clement.message.mime.html_style import Look, similar
from clement.message.mime.html_tags import Markup

_WHITE, _BLACK = "ffffff", "000000"
# An end tag whose start tag is farther away is passed over.
_SEARCHED = 100
_MAX_COLORS = 30


def may_veil(looks: dict[str, Look]) -> bool:
    """Whether something can be hidden in a page whose elements have these looks."""
    colors = {_BLACK, *(look.color for look in looks.values() if look.color)}
    grounds = {_WHITE, *(look.ground for look in looks.values() if look.ground)}
    if any(look.hidden for look in looks.values()) or len(colors) + len(grounds) > _MAX_COLORS:
        return True
    return any(similar(color, ground) for color in colors for ground in grounds)


def veiled(markup: Markup, looks: dict[str, Look]) -> list[int]:
    """The indices of the texts that cannot be seen."""
    veil = _Veil(looks)
    unseen: list[int] = []
    tags = markup.tags
    for index, token in enumerate(markup.tokens):
        if veil.down:
            unseen.append(index)
        tag = tags[token]
        if tag.closes:
            veil.end(tag.name)
        elif tag.name:
            veil.start(tag.name, tag.attributes)
    return unseen


class _Veil:
    __slots__ = ("_colors", "_hidden_at", "_looks", "_stack", "_watched", "down")

    def __init__(self, looks: dict[str, Look]) -> None:
        self._looks = looks
        self._stack: list[str] = []
        # Depths of the stack at which something begins that ends with it; -1: nothing has begun.
        self._hidden_at = -1
        self._colors: list[tuple[int, str, str]] = [(-1, _BLACK, _WHITE)]
        self._watched = -1
        self.down = False

    def start(self, name: str, attributes: str) -> None:
        stack = self._stack
        if stack and (ends := ENDS.get(name)):
            while stack and stack[-1] in ends:
                self._shrink(len(stack) - 1)
        if name in VOID:
            return
        stack.append(name)
        if attributes and (look := self._looks.get(attributes)):
            depth = len(stack)
            if look.hidden and self._hidden_at < 0:
                self._hidden_at = depth
            if look.color or look.ground:
                _depth, color, ground = self._colors[-1]
                self._colors.append((depth, look.color or color, look.ground or ground))
            self._watch()

    def end(self, name: str) -> None:
        stack = self._stack
        if stack and stack[-1] == name:
            self._shrink(len(stack) - 1)
            return
        for depth in range(len(stack) - 1, max(-1, len(stack) - 1 - _SEARCHED), -1):
            if stack[depth] == name:
                self._shrink(depth)
                return

    def _shrink(self, depth: int) -> None:
        """Only `depth` elements stay open."""
        del self._stack[depth:]
        if depth >= self._watched:
            return
        if self._hidden_at > depth:
            self._hidden_at = -1
        while self._colors[-1][0] > depth:
            self._colors.pop()
        self._watch()

    def _watch(self) -> None:
        """See again whether text can be seen, and when that ends."""
        self._watched = max(self._hidden_at, self._colors[-1][0])
        self.down = self._hidden_at >= 0 or (len(self._colors) > 1 and similar(*self._colors[-1][1:]))
