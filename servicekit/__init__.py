"""What both services need: server start and drain, errors, settings, logs, the clock."""
