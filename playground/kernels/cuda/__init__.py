"""The same on an NVIDIA GPU: whole epochs in one launch, and hundreds of small networks at once."""
