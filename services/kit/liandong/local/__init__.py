"""One district on one machine: Kafka, the schema registry and the services as supervised processes.

It knows no service: what runs is data (a process table). It must not be imported by anything that runs in production.
"""
