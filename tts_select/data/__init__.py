"""Problems and their answers: grading, and the embedded world."""
