"""What can be said about a run or a model, as numbers and words, without Qt."""
