"""Problems from a file or a public data set (docs/problems.md)."""

from tts_select.data.problems.fields import Fields
from tts_select.data.problems.hub import HUB, HubSource
from tts_select.data.problems.loading import Note, Row, load_problems, read_rows

__all__ = ["HUB", "Fields", "HubSource", "Note", "Row", "load_problems", "read_rows"]
