"""Rules of sensing as pure functions: no clock, no Kafka, no files."""
