"""Tests run off screen, with folders of their own for settings and state; compiled kernels are shared with the program."""

import os
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Qt's own pool for small fills makes antialiased lines many times slower; the program sets this too.
os.environ["QT_NO_GUI_THREADPOOL"] = "1"
for name in ("PLAYGROUND_CONFIG_DIR", "PLAYGROUND_STATE_DIR"):
    os.environ[name] = tempfile.mkdtemp(prefix="playground-test-")
