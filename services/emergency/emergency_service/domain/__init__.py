"""Rules and life cycles of plans, responses, tasks and notices. No database, no Kafka, no clock."""
