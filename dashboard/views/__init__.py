"""Parts that pages are made of: a gallery, a data set, recent comparisons, the queue's jobs, training curves."""
