"""How gradients and activations change from layer to layer, along a training."""
