"""What one does with the label in use."""

from __future__ import annotations

from xgen_studio.studio.tools import Easel

RESHAPE = 1.5  # px that grow, shrink and smooth move an edge


def step_label(easel: Easel, by: int) -> None:
    """The next label of the table in use."""
    ids = [state.label.id for state in easel.document.labels]
    easel.use(label=ids[(ids.index(easel.label) + by) % len(ids)])


def lock_label(easel: Easel) -> None:
    """Protect the label in use, or free it."""
    state = easel.document.state(easel.label)
    verb = "Unlock" if state.locked else "Lock"
    easel.document.change_label(
        state.label.id, f"{verb} {state.label.name}", locked=not state.locked
    )


def reshape_label(easel: Easel, how: str) -> None:
    """'grow', 'shrink' or 'smooth' the label in use."""
    easel.document.reshape_label(easel.label, how, RESHAPE)


def clear_label(easel: Easel) -> None:
    """Erase the label in use wherever it is."""
    document = easel.document
    document.fill(document.region_of(easel.label), 0, f"Erase all {easel.name_of(easel.label)}")
