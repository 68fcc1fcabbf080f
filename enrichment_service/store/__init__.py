"""The store adapter: all state of the enrichment service, in Valkey or Redis, changed by scripts only."""
