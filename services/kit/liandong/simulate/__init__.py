"""Plays recorded readings into a gateway as devices would send them. It speaks HTTP only and knows no Kafka."""
