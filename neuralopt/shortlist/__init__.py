"""The shortlist of a search: whoever may be best is measured on fresh replicates."""
