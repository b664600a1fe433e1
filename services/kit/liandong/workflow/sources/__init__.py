"""Consumers behind one small interface. Each may import its own Kafka client; nothing else in the package may."""
