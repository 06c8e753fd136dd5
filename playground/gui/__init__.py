"""The window: the only part of the program that knows Qt."""

import os

# Qt's pool for small fills makes antialiased lines several times slower; must be set before the application exists.
os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
