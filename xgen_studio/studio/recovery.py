"""What a killed window left behind is offered when the next one opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xgen_studio.document.journal import Left, forget, left_behind
from xgen_studio.errors import InputError
from xgen_studio.studio.dialogs.discard import Buttons, ask
from xgen_studio.studio.recent import journal_folder

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


def offer_recovery(window: Window) -> None:
    """Offer what was left, newest first; one work for each desk."""
    taken: set[str] = set()
    for left in left_behind(journal_folder()):
        name = left.file.name if left.file else "an untitled document"
        answer = ask(
            window,
            "Recover unsaved work",
            f"XGen Studio did not close properly. Recover the changes of {name}?\n\nYes recovers"
            " them, Discard deletes them for good, Cancel asks again next time.",
            Buttons.Yes | Buttons.Discard | Buttons.Cancel,
            Buttons.Yes,
        )
        if answer == Buttons.Yes:
            try:
                taken.add(_recover(window, left, taken))
            except InputError as error:
                window.warn(str(error))
        elif answer == Buttons.Discard:
            forget(journal_folder(), left.id)


def _recover(window: Window, left: Left, taken: set[str]) -> str:
    """Lay it on its desk; returns the wing. InputError where it cannot be read or shown."""
    work, drawn_how = left.read()
    if work.wing in taken:
        raise InputError(
            f"{left.file or 'An untitled document'}: another one was recovered there; save that,"
            " and start again to recover this one"
        )
    window.show_work(work, left.file, drawn_how)
    desk = window.workspace.desk
    assert desk is not None
    work.history.mark_unsaved()
    if desk.journal.note(work, drawn_how).result():  # kept anew before the old copy goes
        forget(journal_folder(), left.id)
    return work.wing
