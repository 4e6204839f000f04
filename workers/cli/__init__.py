"""The command `gazegrid`: a module for each group of verbs."""
