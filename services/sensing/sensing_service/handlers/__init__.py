"""Handlers of the judge: thin; the rules are in the domain."""
