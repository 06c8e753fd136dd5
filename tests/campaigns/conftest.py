"""Campaigns measure memory and fork, as Unix systems can."""

import os

collect_ignore_glob = ["test_*.py"] if os.name == "nt" else []
