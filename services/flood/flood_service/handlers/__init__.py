"""Thin handlers: an event and a state go to the rules, what the rules want becomes an Outcome. No thresholds here."""
