"""`python -m tts_select` is the same as `tts-select`."""

from tts_select.cli import main

if __name__ == "__main__":  # a spawned worker imports this module too
    main()
