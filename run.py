"""Set up and start Neural Playground with nothing but Python: ``python3 run.py [program words | test | check | campaign]``.

Makes ``.venv`` beside this file, installs the project there (with uv, where that is installed), and uses it again until
pyproject.toml changes. ``python3 run.py test [words for pytest]`` runs all tests; ``--without-torch`` leaves out PyTorch,
against which the arithmetic is checked (its wheel is large on Linux); ``test quick`` runs those that need nothing compiled, no
window and no PyTorch. ``python3 run.py check`` says in seconds what format,
lint, types, dead code and the order of imports say; ``--mend`` first mends what can be mended by itself. ``python3 run.py
campaign NAME --minutes N`` attacks the program by chance and writes down what breaks it (``--help`` has the names).
"""

# This file is read by any Python 3, so that an old one can say what is wrong: no newer syntax here.
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
WINDOWS = os.name == "nt"
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")
# A process a core; a file's tests stay together, because they share what they have set up, and files come in our own order.
PYTEST = [PYTHON, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
OLDEST = (3, 11)
# Where the Python that started this is too old: those that the tests run on first, then newer ones, whose libraries are there.
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3.15")
# Of pytest: exit codes, and options whose value is the next word.
FAILED, NO_TESTS = 1, 5
TAKE_A_WORD = ("-k", "-m", "-n", "-p", "-o", "-c", "-W", "-r", "--dist", "--maxfail", "--durations", "--deselect", "--ignore")


def say(words):
    print(words, file=sys.stderr)
    sys.stderr.flush()


def stop(words):
    """End with one sentence and exit code 2."""
    say("run.py: " + words)
    sys.exit(2)


def use_a_new_enough_python():
    """Start again under a newer Python if this one is too old and a newer one is installed."""
    if sys.version_info >= OLDEST:
        return
    for name in NAMES:
        if shutil.which(name):
            sys.exit(subprocess.call([name, os.path.abspath(__file__)] + sys.argv[1:]))
    stop(
        "Python 3.11 or newer is needed, this is {0}.{1}; install a newer one and type python3.11 run.py.".format(
            *sys.version_info
        )
    )


def stamp(extras):
    """What the environment was made from: it is made again when any of this changes."""
    with open(os.path.join(HERE, "pyproject.toml"), "rb") as file:
        content = file.read()
    return hashlib.sha256(content + repr((extras, sys.version_info[:2], HERE)).encode()).hexdigest()


def is_set_up(extras):
    try:
        with open(stamp_file(extras)) as file:
            return file.read() == stamp(extras) and os.path.exists(PYTHON)
    except OSError:
        return False


def stamp_file(extras):
    return os.path.join(VENV, "stamp-" + ("-".join(extras) or "program"))


def set_up(extras, runs=True):
    """Make the environment and install the project in it; the stamp comes last, so a broken set-up starts over.

    ``runs``: whether the program is going to run, for which kernels are compiled and Qt's system libraries provided.
    """
    if is_set_up(extras):
        return
    say("Setting up in {0} (once; a minute or two) …".format(VENV))
    make_environment()
    install(HERE + ("[" + ",".join(extras) + "]" if extras else ""))
    if runs:
        say("Compiling the kernels (once; about a minute) …")
        subprocess.call([PYTHON, "-m", "playground.kernels.cpu.warm"], cwd=HERE)
        # Qt's system libraries, where this account may install them; the program itself says what is left to do.
        subprocess.call([PYTHON, "-m", "playground.gui.libraries"], cwd=HERE)
    with open(stamp_file(extras), "w") as file:
        file.write(stamp(extras))


def install(name):
    """Install the project with these extras; by uv where it is there, which takes seconds, and else by pip."""
    uv = shutil.which("uv")
    if uv and subprocess.call([uv, "pip", "install", "-q", "--python", PYTHON, "-e", name]) == 0:
        return
    if uv:
        say("uv couldn't install it and says why above; pip tries next.")
    if subprocess.call([PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-e", name]) != 0:
        stop("the installation failed, pip says why above; mend that (a network?) and try again.")


def make_environment():
    """Make ``.venv`` unless it is there and works with this Python."""
    version = "import sys; sys.exit(sys.version_info[:2] != {0!r})".format(tuple(sys.version_info[:2]))
    try:
        if subprocess.call([PYTHON, "-c", version + " or __import__('pip') is None"]) == 0:
            return
    except OSError:
        pass
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv")
    # With pip in it, for what people install beside the program.
    if uv and subprocess.call([uv, "venv", "-q", "--seed", "--python", sys.executable, VENV]) == 0:
        return
    command = [sys.executable, "-m", "venv", VENV]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode == 0:
        return
    package = "python{0}.{1}-venv".format(*sys.version_info)
    if shutil.which("apt-get"):
        # Bare Debian has Python without the part that makes environments.
        if os.geteuid() == 0:
            say("Installing {0}, which Python needs to make an environment.".format(package))
            subprocess.call(["apt-get", "update", "-qq"])
            subprocess.call(["apt-get", "install", "-y", "-qq", package], stdout=subprocess.DEVNULL)
            if subprocess.call(command) == 0:
                return
        stop("Python's venv is missing; type: {0}apt-get install -y {1}".format("" if os.geteuid() == 0 else "sudo ", package))
    stop("no environment could be made in {0}: {1}".format(VENV, made.stdout.decode(errors="replace").strip()))


def main(words):
    use_a_new_enough_python()
    if words[:1] == ["test"]:
        words = words[1:]
        quick = words[:1] == ["quick"]
        extras = ["test"] if quick or "--without-torch" in words else ["test", "oracles"]
        set_up(extras, runs=not quick)
        os.chdir(HERE)
        if quick:
            return subprocess.call(PYTEST + ["--quick"] + words[1:], env=environment_of_tests())
        return run_tests([word for word in words if word != "--without-torch"])
    if words[:1] == ["check"]:
        set_up(["test", "quality"], runs=False)
        os.chdir(HERE)
        return check("--mend" in words)
    set_up([])
    if words[:1] == ["campaign"]:
        return become([PYTHON, os.path.join(HERE, "tests", "campaigns", "run_campaign.py")] + words[1:])
    return become([PYTHON, "-m", "playground"] + words)


def run_tests(words):
    """Run pytest with these words, then again for the GPU's tests in Numba's simulator, which is chosen at the start."""
    runs = []
    if plain_words(words) is not None:
        runs.append((PYTEST + plain_words(words), {"NUMBA_ENABLE_CUDASIM": "0"}))
    if simulator_words(words) is not None:
        runs.append((PYTEST + simulator_words(words), {"NUMBA_ENABLE_CUDASIM": "1"}))
    # Once for all processes: each would compile the kernels by itself.
    subprocess.call([PYTHON, "-c", "from playground.kernels.cpu import warm; warm.is_warm() or warm.main()"])
    if not WINDOWS:
        # Ctrl+C reaches pytest, which sums up what it has; this program only waits for that.
        signal.signal(signal.SIGINT, lambda number, frame: None)
    codes = []
    for words, environment in runs:
        codes.append(subprocess.call(words, env=environment_of_tests(**environment)))
        if codes[-1] not in (0, FAILED, NO_TESTS):
            # Interrupted, or words that pytest doesn't know: the other run would end in the same way.
            return codes[-1]
    found = [code for code in codes if code != NO_TESTS]
    return max(found) if found else NO_TESTS


def environment_of_tests(**more):
    """Tests start many processes: each would compile the program's sources anew where Python was told to keep no bytecode."""
    environment = dict(os.environ, **more)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def check(mend=False):
    """What can be said about the code without running it, all parts at once; 1 if one of them complains."""
    if mend:
        for words in (["check", "--fix", "-q", "."], ["format", "-q", "."]):
            subprocess.call([PYTHON, "-m", "ruff"] + words)
    parts = (
        ("types", ["mypy"]),
        ("architecture", ["pytest", "-q", "-p", "no:cacheprovider", os.path.join("tests", "test_architecture.py")]),
        ("dead code", ["vulture"]),
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
    )
    start = time.time()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    running = [(name, subprocess.Popen([PYTHON, "-m"] + words, **pipes)) for name, words in parts]
    failed = 0
    for name, process in reversed(running):
        said = process.communicate()[0].decode(errors="replace").strip()
        good = process.returncode == 0
        failed += not good
        say("{0:13}{1}{2}".format(name, "fine" if good else "complains:", "" if good else "\n" + said))
    say("{0:.0f} s".format(time.time() - start))
    return int(failed > 0)


def paths_in(words):
    """Those of pytest's words that are files or folders, as they stand; the word after ``-k`` and the like isn't one."""
    return [
        word
        for place, word in enumerate(words)
        if not (place and words[place - 1] in TAKE_A_WORD) and not word.startswith("-") and os.path.exists(word.split("::")[0])
    ]


def plain_words(words):
    """The words for a run without the simulator; None where only tests in the simulator are asked for."""
    paths = paths_in(words)
    if paths and all(os.path.basename(path).startswith("test_sim_") for path in paths):
        return None
    return words


def simulator_words(words):
    """The words for a run in the simulator: its own folder in the place of those that hold it; None if it isn't asked for."""
    paths = paths_in(words)
    others = [word for word in words if word not in paths]
    chosen = [path for path in paths if os.path.basename(path).startswith("test_sim_")]
    folder = os.path.join(HERE, "tests", "kernels", "cuda")
    if not paths or any((folder + os.sep).startswith(os.path.join(os.path.abspath(path), "")) for path in paths):
        chosen.append(os.path.join("tests", "kernels", "cuda"))
    return chosen + others if chosen else None


def become(command):
    """Go on as another program, so that Ctrl+C reaches it alone; its exit code where that can't be (Windows)."""
    if not WINDOWS:
        sys.stdout.flush()
        os.execv(command[0], command)
    return subprocess.call(command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
