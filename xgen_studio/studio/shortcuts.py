"""Keys as users of other programs know them. A preset names only what differs from XGen's own."""

from __future__ import annotations

from collections.abc import Mapping

Keys = tuple[str, ...]

PRESETS: dict[str, Mapping[str, Keys]] = {
    "XGen": {},
    "napari": {
        "tool.brush": ("2", "P"),
        "tool.eraser": ("1", "E"),
        "tool.polygon": ("3",),
        "tool.fill": ("4", "F"),
        "tool.pick": ("5", "L"),
        "tool.look": ("6", "Z"),
        "tool.lasso": ("O",),
        "view.fit": ("Ctrl+R",),
        "mask.toggle": ("V",),
        "label.previous": ("-",),
        "label.next": ("=",),
        "brush.smaller": ("[",),
        "brush.larger": ("]",),
        "label.lock": ("B",),
        "radiograph.region": ("Ctrl+L",),
        "tool.wand": ("W",),
        "radiograph.vary": ("Shift+V",),
    },
    "ITK-SNAP": {
        "tool.polygon": ("3",),
        "tool.brush": ("4", "5"),
        "tool.look": ("1", "2"),
        "tool.eraser": ("E",),
        "tool.fill": ("F",),
        "tool.wand": ("W",),
        "view.fit": ("Ctrl+F",),
        "brush.smaller": ("-",),
        "brush.larger": ("+",),
        "label.previous": (",", "<"),
        "label.next": (".", ">"),
        "mask.toggle": ("S",),
        "mask.fainter": ("A",),
        "mask.stronger": ("D",),
        "view.auto": ("Ctrl+J",),
    },
    "3D Slicer": {
        "tool.brush": ("2",),
        "tool.polygon": ("1",),
        "tool.eraser": ("3",),
        "tool.look": ("6",),
        "tool.fill": ("4",),
        "edit.undo": ("Z", "Ctrl+Z"),
        "edit.redo": ("Y",),
        "label.previous": ("Q",),
        "label.next": ("W",),
        "mask.toggle": ("G",),
        "view.fit": ("R",),
        "brush.smaller": ("-",),
        "brush.larger": ("+",),
        "tool.wand": ("5",),
        "tool.lasso": ("O",),
        "radiograph.reroll": ("Ctrl+R",),
        "tool.last": ("Ctrl+Tab",),
        "radiograph.keep": ("Ctrl+Y",),
    },
}


def keys_of(id: str, own: Keys, preset: str, chosen: Mapping[str, object]) -> Keys:
    """The keys of an action: what the user chose, else what the preset says, else its own."""
    if id in chosen:
        keys = chosen[id]
        return tuple(str(key) for key in keys) if isinstance(keys, (list, tuple)) else ()
    return PRESETS.get(preset, {}).get(id, own)


def conflicts(keys: Mapping[str, Keys]) -> dict[str, list[str]]:
    """Keys that more than one action claims, and the ids of those actions."""
    users: dict[str, list[str]] = {}
    for id, own in keys.items():
        for key in own:
            users.setdefault(key, []).append(id)
    return {key: ids for key, ids in users.items() if len(ids) > 1}


def label_keys(number: int) -> Keys:
    """The key that takes the nth label: only nine have one."""
    return (f"Alt+{number}",) if number <= 9 else ()
