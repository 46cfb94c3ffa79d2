"""Pictures of a search by matplotlib, one function for each."""
