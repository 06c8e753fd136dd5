"""Tests run off screen, with folders of their own for settings; compiled kernels are shared with the program.

Marks say what a test needs: ``compile`` (compiled kernels), ``window`` (Qt), ``simulator`` (Numba's, of a GPU), ``torch``, or
``long`` (more than a few seconds). ``--quick`` (``run.py test quick``) runs the others, and fails one that compiles all the same.
"""

import contextlib
import gc
import os
import re
import signal
import tempfile

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

NEEDS = ("compile", "window", "simulator", "torch", "long")
# A fixture of Qt's: who asks for one needs a window.
WINDOW_FIXTURES = {"qtbot", "qapp", "shared_window"}
NEEDED_BY_A_FILE = re.compile(rf"^pytestmark = .*pytest\.mark\.({'|'.join(NEEDS)})\b", re.MULTILINE)

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# NumPy's threads wait for each other at full work, the more so beside another process of the tests; nothing is large here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Qt's own pool for small fills makes antialiased lines many times slower; the program sets this too.
os.environ["QT_NO_GUI_THREADPOOL"] = "1"
os.environ["PLAYGROUND_CONFIG_DIR"] = tempfile.mkdtemp(prefix="playground-test-")
os.environ["PLAYGROUND_STATE_DIR"] = tempfile.mkdtemp(prefix="playground-test-")
# Not in the checkout, which may be another account's.
set_hypothesis_home_dir(tempfile.mkdtemp(prefix="playground-test-"))

# A parent that ignores signals, such as nohup or a shell's background, hands that on, and nothing could be ended here.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGTERM", signal.SIG_DFL), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        # Only a main thread may.
        with contextlib.suppress(ValueError):
            signal.signal(number, handler)


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="only tests that need nothing compiled, no window, no torch")


def pytest_configure(config):
    if config.option.quick:
        # Where compiled kernels lie, a test that needs them wouldn't be noticed.
        os.environ["PLAYGROUND_CACHE_DIR"] = tempfile.mkdtemp(prefix="playground-test-")
        refuse_to_compile()


def refuse_to_compile():
    """Have every compilation that this process does or starts fail, and so the test that it is for."""
    from numba.core import event

    from playground.kernels.cpu import warm

    def refuse(*_arguments):
        raise RuntimeError("this test compiles kernels: mark it with pytest.mark.compile")

    class Refusal(event.Listener):
        on_start = refuse

        def on_end(self, event):
            pass

    event.register("numba:compile", Refusal())
    warm.start_warming = refuse


def pytest_ignore_collect(collection_path, config):
    """Don't even import what can't be quick."""
    if config.option.quick and collection_path.name.startswith("test_") and collection_path.suffix == ".py":
        return bool(NEEDED_BY_A_FILE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_modifyitems(config, items):
    for item in items:
        if WINDOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.window)
    # First, so that no process is left with them in the end while the others have nothing to do.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if config.option.quick:
        slow = [item for item in items if any(item.get_closest_marker(need) for need in NEEDS)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def pytest_collection_finish(session):
    """What is there by now stays: Python needn't look through all of it again and again for what nobody holds."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def compiled(request):
    """Kernels are compiled before a test that needs them begins, so that its own limits of time are about itself."""
    if request.node.get_closest_marker("compile") or request.node.get_closest_marker("window"):
        from playground.kernels.cpu import warm

        if not warm.is_warm():
            warm.start_warming().wait()
