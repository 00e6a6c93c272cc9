"""Whether models fit on the devices that they are to run on, before any of them is loaded."""
