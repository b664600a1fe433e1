"""Pure parts of the console: wording, names, freshness, trends. No SQL, no Kafka, no web."""
