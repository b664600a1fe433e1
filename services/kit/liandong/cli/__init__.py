"""The `liandong` command. It only parses, calls and prints; what it does lives elsewhere in the kit."""
