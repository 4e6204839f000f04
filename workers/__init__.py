"""Processes that compute, and the command line: workers, services beside them, benchmarks, generators of files.

Takes jobs from the queue and arguments from a terminal; gives results in the store, reports and exit statuses.
"""
