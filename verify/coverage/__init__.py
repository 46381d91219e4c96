"""Coverage: which behaviour of the RTL the regression has exercised."""
