"""Standard errors, intervals and estimators against repeated runs and true values."""
