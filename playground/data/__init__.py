"""Where rows come from: drawn by a rule, bundled with scikit-learn, or read from a file; and how they are prepared."""
