"""Integrations: quiver under the interface of another framework, a module for each.

Nothing is imported here, for each needs the package whose interface it has: an extra.
"""
