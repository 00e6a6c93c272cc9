"""PRMs of one's own, trained on the samples and verdicts of a sweep."""
