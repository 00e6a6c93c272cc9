"""`python -m tts_select` is the same as `tts-select`."""

from tts_select.cli import main

main()
