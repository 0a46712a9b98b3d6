"""Inputs and labels: named data sets (`catalogue`, `registry`) and the user's files (`load`)."""
