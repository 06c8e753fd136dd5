"""The rows of the data: as a table, as images, or as a map of ratings."""
