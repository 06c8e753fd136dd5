"""Tests run off screen, with a folder of their own for settings; compiled kernels are shared with the program."""

import os
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Qt's own pool for small fills makes antialiased lines many times slower; the program sets this too.
os.environ["QT_NO_GUI_THREADPOOL"] = "1"
os.environ["PLAYGROUND_CONFIG_DIR"] = tempfile.mkdtemp(prefix="playground-test-")
os.environ["PLAYGROUND_STATE_DIR"] = tempfile.mkdtemp(prefix="playground-test-")
