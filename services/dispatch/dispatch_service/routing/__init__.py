"""Proposals of a class or a unit from words or fields, learnt from past cases. Proposes only: it dispatches nothing."""
