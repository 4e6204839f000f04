"""Networks: what there is (`catalog`, `card`, free of torch) and how one is loaded (`loading`)."""
