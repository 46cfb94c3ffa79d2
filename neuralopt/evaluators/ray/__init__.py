"""The evaluator that scores rules on Ray actors; imported only when it is asked for."""
