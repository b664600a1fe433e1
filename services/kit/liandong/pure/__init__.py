"""What a domain may import besides the contracts: arithmetic on values. No clock, no I/O, nothing of the engines."""
