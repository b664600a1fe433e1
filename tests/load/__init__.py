"""Benchmarks: `make bench CASE=NAME`. Each prints a table and, last, one line of JSON with the same figures."""
