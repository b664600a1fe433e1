"""gRPC between services: a server with health, deadlines and error mapping; clients with deadlines and traces."""
