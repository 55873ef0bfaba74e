"""Its command for the terminal."""

from xgen_studio.cli.console import carry_out, say


def add(app):
    app.command()(count)


def count(to: int) -> None:
    """Count elbows."""
    from elbow.tasks import Count

    say(f"told {carry_out(Count(to), 'counting')}")
