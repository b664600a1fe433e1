"""Metrics of sensing, each name declared once."""

from prometheus_client import Counter, Gauge

FRAMES = Counter("liandong_sensing_frames_total", "Frames and reports taken, by transport", ["transport"])
REJECTED = Counter("liandong_sensing_rejected_total", "Frames and reports refused, by reason", ["reason"])
CONFIRMED = Counter("liandong_sensing_confirmed_total", "Answers given to devices after Kafka's acknowledgement")
CONNECTIONS = Gauge("liandong_sensing_connections", "Open connections of SL 651 stations")
REFUSED_CONNECTIONS = Counter("liandong_sensing_refused_connections_total", "Connections closed at once", ["why"])
DEVICES = Gauge("liandong_sensing_devices", "Registered devices that the gateway knows")
