"""Mutation testing: small mistakes planted one by one, each to be found by a test."""
