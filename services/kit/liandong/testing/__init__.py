"""What services test themselves with: harnesses, fixtures, a span collector. Never imported by production code."""
