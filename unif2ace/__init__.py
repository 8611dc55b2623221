"""UniF²ace: one transformer that describes faces and paints them (arXiv 2503.08120)."""
