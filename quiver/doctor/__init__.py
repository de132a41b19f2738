"""Doctor: one page about this installation, fit to be pasted where anybody reads it.

It must work where much is broken, so it relies on NumPy alone, and the command has it
without the extra `cli` too. What is found comes from `computer`, `kernels` and
`quiver.installation`; `problems` judges it, `page` prints it, and `private` takes out
what tells of a person.
"""
