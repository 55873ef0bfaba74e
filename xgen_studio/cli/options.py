"""Options that several commands share, and those that wings bring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from xgen_studio.wing import Option

OutDir = Annotated[Path, typer.Option("-o", "--out", help="Folder to write to.")]
Model = Annotated[
    str, typer.Argument(help="A model's name (see `xgen models`) or the folder of its bundle.")
]
DeviceName = Annotated[str, typer.Option("--device", help="cpu, cuda:0, ...")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]


def with_options(
    command: Callable[..., None], options: Iterable[tuple[str, Option]]
) -> Callable[..., None]:
    """The command with more options; it gets those that were given as the mapping `values`.

    `options` are pairs of whose they are, for the help, and what they are. Two wings may share one
    by its name.
    """
    mine = inspect.signature(command, eval_str=True)
    own = [p for p in mine.parameters.values() if p.name != "values"]
    more: dict[str, inspect.Parameter] = {}
    for whose, option in options:
        if option.name in more:
            continue
        text = f"{whose}: {option.help}" if whose else option.help
        more[option.name] = inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[option.kind | None, typer.Option(f"--{option.name}", help=text)],
        )

    @wraps(command)
    def call(**given: Any) -> None:
        values = {name: given.pop(name) for name in more if name in given}
        command(**given, values={k: v for k, v in values.items() if v is not None})

    keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    whole = [*keywords, *more.values()]
    call.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in whole}
    del call.__wrapped__  # its signature is not ours
    return call
