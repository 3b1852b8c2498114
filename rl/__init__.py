"""Training by reinforcement: losses, kernels, and parity of implementations. The GRPO loop is not here yet."""
