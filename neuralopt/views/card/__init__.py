"""The card of a rule: a picture of its formula, tree and behaviour in training."""
