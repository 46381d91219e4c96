"""Programs of the regression that mutants are judged by."""
