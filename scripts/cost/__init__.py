"""Seconds and memory: one question each."""
