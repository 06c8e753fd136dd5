"""The whole suite on other machines, as far as this one can play them: ``python tests/variants.py [A+B …] [-- pytest's words]``.

Each word is one run under all its variants, joined by ``+``; without words, `USUAL`. Kernels for another processor are
compiled anew, into a folder that stays.
"""

import argparse
import contextlib
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__

REPOSITORY = Path(__file__).resolve().parent.parent
# What an x86-64 processor has by definition, and with AVX2; the microarchitecture levels of its ABI.
OLDEST = "+sse,+sse2,+x87,+cmov,+cx8,+fxsr,+mmx,+64bit"
HASWELL = f"{OLDEST},+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+sahf,+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+xsave"
# By name: what is set in the environment.
ENVIRONMENTS = {
    "as-is": {},
    "avx2": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": HASWELL},
    "oldest": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": OLDEST},
    # All of NumPy's own fast paths that are chosen as it starts.
    "numpy": {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)},
    "german": {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LANGUAGE": "xx"},
    "turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "xx"},
    "ascii": {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "east": {"TZ": "Pacific/Kiritimati"},
    "west": {"TZ": "America/St_Johns"},
    "hashes": {"PYTHONHASHSEED": "4711"},
}
# What is done to the process, besides.
OTHERS = ("order", "no-sigint", "user", "load")
USUAL = ("avx2+order+east+german+user", "oldest+numpy+no-sigint+west+turkish+hashes", "load+ascii")


def main():
    words = sys.argv[1:]
    more = words[words.index("--") + 1 :] if "--" in words else []
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="A+B", help=f"of {', '.join((*ENVIRONMENTS, *OTHERS))}")
    found = {}
    for run in parser.parse_args(words[: len(words) - len(more) - ("--" in words)]).runs or USUAL:
        names = run.split("+")
        unknown = set(names) - {*ENVIRONMENTS, *OTHERS}
        if unknown:
            parser.error(f"there is no variant {', '.join(sorted(unknown))}")
        if "user" in names and os.geteuid() != 0:
            parser.error("only root can run tests as another account: leave out user")
        start = time.monotonic()
        print(f"=== {run}", flush=True)
        found[run] = suite(names, more)
        print(
            f"=== {run}: {'fine' if found[run] == 0 else f'ended with {found[run]}'}, {time.monotonic() - start:.0f} s",
            flush=True,
        )
    return max(found.values())


def suite(names, words):
    """Run the suite under variants; its exit code."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for name in names:
        environment |= ENVIRONMENTS.get(name, {})
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    command += ["-p", "no:cacheprovider", *words]
    if "order" in names:
        command += ["--random-order-bucket=module", f"--random-order-seed={int(time.time())}"]
    options = {}
    if "user" in names:
        # Somebody who may write nothing but a home of their own.
        home = Path(tempfile.gettempdir()) / "playground-variants-home"
        home.mkdir(exist_ok=True)
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        environment |= {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "USER": "nobody"}
    if "no-sigint" in names:
        options["preexec_fn"] = ignore_sigint
    # As run.py does: once for all processes.
    warm = [sys.executable, "-c", "from playground.kernels.cpu import warm; warm.is_warm() or warm.main()"]
    subprocess.call(warm, cwd=REPOSITORY, env=environment, **options)
    with busy() if "load" in names else contextlib.nullcontext():
        return subprocess.call(command, cwd=REPOSITORY, env=environment, **options)


def ignore_sigint():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def busy():
    """Two processes a core that only compute."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
