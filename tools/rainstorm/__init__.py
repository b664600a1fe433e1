"""The rainstorm night of the example district, played against real processes and judged by what the topics show."""
