"""Inputs and labels: named data sets (`registry`) and the user's own files (`load`)."""
