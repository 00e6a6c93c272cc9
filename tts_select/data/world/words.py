"""The names and things of all families: no word of these belongs to one family alone."""

from __future__ import annotations

NAMES = (
    "Mia", "Tom", "Ana", "Ben", "Zoe", "Leo", "Eva", "Max", "Ida", "Sam", "Kim", "Ron", "Amy", "Joe",
)  # fmt: skip
ITEMS = ("apples", "coins", "books", "shells", "stamps", "cards", "nuts", "beads")
GOODS = ("pens", "cups", "bags", "lamps", "hats", "maps", "rugs", "keys", "jars", "pans", "toys", "bells")
CONTAINERS = ("boxes", "crates", "bags", "jars", "sacks", "tins", "cases", "trays")
