"""Promotion: the rules of a search go through held-out tasks, in stages."""
