"""What one does with the label in hand."""

from __future__ import annotations

from xgen_studio.studio.tools import Paint

RESHAPE = 1.5  # px that grow, shrink and smooth move an edge


def step_label(hand: Paint, by: int) -> None:
    """The next label of the table into the hand."""
    ids = [state.label.id for state in hand.document.labels]
    hand.use(label=ids[(ids.index(hand.label) + by) % len(ids)])


def lock_label(hand: Paint) -> None:
    """Protect the label in hand, or free it."""
    state = hand.document.state(hand.label)
    verb = "Unlock" if state.locked else "Lock"
    hand.document.change_label(
        state.label.id, f"{verb} {state.label.name}", locked=not state.locked
    )


def reshape_label(hand: Paint, how: str) -> None:
    """'grow', 'shrink' or 'smooth' the label in hand."""
    hand.document.reshape_label(hand.label, how, RESHAPE)


def clear_label(hand: Paint) -> None:
    """Erase the label in hand wherever it is."""
    document = hand.document
    document.fill(document.region_of(hand.label), 0, f"Erase all {hand.name_of(hand.label)}")
