"""The page, its JSON and its event stream, and the commands it sends. No rule of any owner lives here."""
