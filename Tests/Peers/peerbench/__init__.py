"""Measures the engine of this repository and three other ways to run work on PostgreSQL, in turn, on one server."""
