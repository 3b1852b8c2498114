"""Training by reinforcement. The name is reserved; losses, kernels and the GRPO loop arrive with their own work."""
