"""The curves of losses and metrics."""
