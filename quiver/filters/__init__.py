"""Filters: which rows may answer, from what a caller gave to walks and scans."""
