"""Enrichment service: views LinkedIn profiles within the budget of each account."""
