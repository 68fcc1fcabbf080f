"""The store adapter: all state of the service, in Valkey or Redis, changed by scripts only."""
