"""The commands of `tts-select`, one file each; what several share has a leading underscore."""
