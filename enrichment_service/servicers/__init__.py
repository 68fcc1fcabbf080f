"""gRPC servicers: parse, call a use case, convert."""
