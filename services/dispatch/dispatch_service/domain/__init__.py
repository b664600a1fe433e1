"""Rules and life cycles of reports and cases. No database, no Kafka, no clock."""
