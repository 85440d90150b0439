"""`python -m crm`: the command line. Bad input is one line on standard error and exit code 2; nothing changes then."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import sys

import psycopg
import typer
from sqlalchemy.exc import DBAPIError

from crm import commands
from crm.db import trouble
from crm.errors import CrmError

app = typer.Typer(name="crm", help="Throughline: a sales CRM on your own server.", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
                  pretty_exceptions_enable=False)  # fmt: skip


# Typer carries its own copy of click, whose classes have no public name; its public errors lead to them.
ClickException: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


@app.callback()
def _root() -> None:
    """Throughline: a sales CRM on your own server."""


def gather(asked: str = "") -> typer.Typer:
    """Every module of `crm.commands` with a `register(app)` adds its commands; only that of `asked` where one has its name.

    All of them need half a second longer than most need by themselves.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(commands.__path__))
    for name in [name for name in names if name.rstrip("_") == asked] or names:
        loaded = importlib.import_module(f"crm.commands.{name}")
        if hasattr(loaded, "register"):
            loaded.register(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    gc.disable()  # what modules are made of stays: looking through it again and again for rubbish takes a tenth of a start
    command = typer.main.get_command(gather(given[0] if given else ""))
    gc.freeze()
    gc.enable()
    try:
        code = command.main(args=arguments, prog_name="python -m crm", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except CrmError as error:
        _complain(str(error))
        return 2
    except (DBAPIError, psycopg.Error) as error:
        words = trouble.in_words(error)
        if words is None:
            raise
        _complain(words)
        return 2
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        _complain("Stopped.")
        return 130
    except ClickException as error:
        message = error.format_message()  # type: ignore[attr-defined]
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(message + "\n")
        else:
            _complain(f"{message} See python -m crm --help.")
        return 2


def _complain(message: str) -> None:
    sys.stderr.write(" ".join(message.split()) + "\n")


if __name__ == "__main__":
    sys.exit(main())
