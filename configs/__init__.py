"""Documented runs: each YAML file beside this one says its command, its minutes and the score to expect."""
