"""Projections into what the page shows. Reads only."""
