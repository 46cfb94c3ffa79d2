"""The evaluator that scores rules on Ray actors, imported only if it is asked for."""
