"""Rules of rain, spots and levels. Standard library, contracts and liandong.pure only: no clock, no Kafka, no files."""
