"""The services of the contract: parse, call a use case, map its result."""
