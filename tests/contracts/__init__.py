"""Suites that every implementation of a kind inherits."""
