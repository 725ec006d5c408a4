"""Judging what a search found."""
