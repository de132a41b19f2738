"""The compiled kernels: one C source, one table of functions per target."""
