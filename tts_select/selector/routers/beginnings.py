"""Where a problem's text decides whose ladder it gets.

For a price there are several ladders, each the best of those that begin with one policy, and ridge
regressions on the text (`selector/by_text.py`) say what each comes to. They are kept for those prices alone
at which choosing by them paid on training problems that they had not seen
(`training/routers/ladder/beginning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tts_select.selector.by_text import Description, Heads, best_at
from tts_select.selector.routers.rungs import Ladder


@dataclass(frozen=True, eq=False)
class Beginnings:
    """The ladders of one price, and what texts say of them."""

    ladders: tuple[Ladder, ...]
    heads: Heads


@dataclass(frozen=True, eq=False)
class LaddersByText:
    """The prices at which the text decides."""

    description: Description
    at: Mapping[int, Beginnings]
    """By the place of the price among those of the router."""

    def ladder(self, place: int, text: str) -> Ladder | None:
        """The ladder of this price that the text calls for; None where the text decides nothing."""
        own = self.at.get(place)
        if own is None:
            return None
        expected = own.heads.of(self.description.of(text))
        return own.ladders[best_at(expected, own.ladders[0].price)]

    def among(self, place: int) -> tuple[Ladder, ...]:
        """The ladders that the text picks from at this price; none where it decides nothing."""
        return self.at[place].ladders if place in self.at else ()

    @property
    def ladders(self) -> list[Ladder]:
        """All of them."""
        return [ladder for own in self.at.values() for ladder in own.ladders]
