"""The gateway: devices in, over TCP and HTTP. It checks, decodes and flags; it judges nothing and remembers nothing."""
