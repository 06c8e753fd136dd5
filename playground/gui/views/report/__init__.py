"""The report: every metric, the confusion matrix, and a scatter of quantities."""
