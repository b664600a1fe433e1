"""Liandong's kit: write an event-driven service of a city district. Everything not named here may change."""
