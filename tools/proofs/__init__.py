"""Identities that the kernels rely on, proved for all words by an SMT solver."""
