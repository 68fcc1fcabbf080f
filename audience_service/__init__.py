"""The audience service: audiences, prospects and audience counts."""
