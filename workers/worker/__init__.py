"""One worker: a parent without torch that takes jobs and holds leases, and the child that computes them."""
