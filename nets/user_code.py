"""Reports exceptions of users' own code with file and line."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["blame", "hidden", "is_file", "is_theirs", "split_spec", "users_code"]

_PACKAGE = Path(__file__).parent.parent
_ROOMS = (
    *("api", "cli", "compiler", "generalize", "golden", "hw", "nets"),
    *("runtime", "sim", "spec", "study", "synth", "verify"),
)
_LIBRARIES = {
    Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
}


def blame(error: BaseException) -> str:
    """Describe an exception and its location in the user's own files.

    Parameters
    ----------
    error : BaseException
        With its traceback.

    Returns
    -------
    str
        E.g. ``ZeroDivisionError: division by zero (/home/me/mynets.py, line 7)``; the location is
        the last line outside maccord and libraries.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    text = str(error).strip().partition("\n")[0]
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    theirs = [f for f in traceback.extract_tb(error.__traceback__) if is_theirs(f.filename)]
    return f"{said} ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else said


def is_theirs(name: str) -> bool:
    """Whether a file of a traceback is none of libraries or of maccord."""
    path = Path(name)
    others = [*_LIBRARIES, *(_PACKAGE / room for room in _ROOMS)]
    return path.is_absolute() and not any(path.is_relative_to(folder) for folder in others)


@contextmanager
def users_code(what: str) -> Iterator[None]:
    """Run a user's code, and convert its exceptions to one sentence.

    Parameters
    ----------
    what : str
        What the code must do, e.g. ``mynets:small must make a network``.

    Raises
    ------
    ValueError
        With `what`, the exception, file and line. A call of ``sys.exit`` is an error with any exit
        code, because nothing has been compared yet.
    """
    try:
        yield
    except SystemExit as error:
        raise ValueError(f"{what}, got a call of sys.exit: {blame(error)}") from None
    except Exception as error:
        raise ValueError(f"{what}, got {blame(error)}") from None


def hidden(path: str, folder: Path) -> str:
    """Report the file in a folder that is shadowed by another module of the same name.

    Parameters
    ----------
    path : str
        Dotted name of a module.
    folder : Path
        Expected folder of the module.

    Returns
    -------
    str
        A sentence; empty if nothing shadows it.
    """
    top = path.partition(".")[0]
    files = (folder / f"{top}.py", folder / top / "__init__.py")
    there = next((file for file in files if file.is_file()), None)
    loaded = getattr(sys.modules.get(top), "__file__", None)
    taken = loaded is not None or top in sys.builtin_module_names
    if there is None or not taken or (loaded and Path(loaded).resolve() == there.resolve()):
        return ""
    return f"{there.name} must have a name that no other module has, got that of {loaded or top}"


def is_file(path: str) -> bool:
    """Whether a module is given as a file, not by a dotted name."""
    return path.endswith(".py")


def split_spec(spec: str) -> tuple[str, str]:
    """Split ``package.module:factory`` or ``FILE.py:factory`` into both parts.

    Raises
    ------
    ValueError
        If it is neither.
    """
    path, colon, name = spec.rpartition(":")
    if not (path and colon and name.isidentifier()) or (":" in path and not is_file(path)):
        raise ValueError(f"module must be package.module:factory or FILE.py:factory, got {spec!r}")
    return path, name
