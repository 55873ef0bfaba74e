"""Choose what to write, where, and under which name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.document import Picture
from xgen_studio.imaging import PARTLY
from xgen_studio.imaging.names import is_plain
from xgen_studio.studio.fields import NumberField
from xgen_studio.studio.threads import on_thread
from xgen_studio.studio.words import Words
from xgen_studio.tasks.export import FORMATS, provenance_of


def free_name(folder: Path, name: str) -> str:
    """The name, or with a number behind it where files of that name are there."""
    if not is_plain(name):
        return name  # the export says what is wrong with it
    candidates = (name, *(f"{name}-{i}" for i in range(2, 10_000)))
    return next((c for c in candidates if not list(folder.glob(f"{c}[._]*"))), name)


class ExportDialog(QDialog):
    """`export(folder, name, formats, spacing, picture, burned_in)` runs on a thread when the user
    says so; it returns what went wrong, or nothing, and the dialog stays open in the first case."""

    def __init__(
        self,
        name: str,
        folder: Path,
        spacing: tuple[float, float] | None,
        pictures: dict[str, Picture],
        export: Callable[..., str],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._export = export
        self.name, self.folder = QLineEdit(free_name(folder, name)), QLineEdit(str(folder))
        choose = QPushButton("Choose ...")
        choose.clicked.connect(self._choose)
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        self.picture = QComboBox()
        self.picture.setAccessibleName("picture")
        for title, picture in pictures.items():
            self.picture.addItem(title, picture)
        if not pictures:
            self.picture.addItem("none yet: the mask alone", None)
        self.boxes = {key: QCheckBox(title) for key, title in FORMATS.items()}
        self.boxes["png"].setChecked(True)
        self.spacing = NumberField(6, maximum=10.0, singleStep=0.01, suffix=" mm")
        self.spacing.setSpecialValueText("not known")
        self.known = spacing
        if spacing is not None:
            self.spacing.setValue(spacing[0])
            self.spacing.setEnabled(False)
            self.spacing.setToolTip("Read from the opened picture")
        else:
            self.spacing.setToolTip("Nothing says how large a pixel is. State it, if you know it.")
        form = QFormLayout()
        form.addRow("Picture", self.picture)
        form.addRow("Name", self.name)
        form.addRow("Folder", where)
        form.addRow("Size of a pixel", self.spacing)
        self.burned_in = QComboBox()
        self.burned_in.setAccessibleName("writing in the picture")
        self.burned_in.addItem("may hold writing: a name, a date", True)
        self.burned_in.addItem("holds no writing, I have looked", False)
        self.burned_in.setToolTip(
            "Parts of this picture are a real patient's. Other programs hide or refuse pictures"
            " that may hold a name."
        )
        form.addRow("The real part", self.burned_in)
        self._form = form
        self.picture.currentIndexChanged.connect(self._follow)
        self.boxes["dicom"].toggled.connect(self._follow)
        self._follow()
        self.trouble = Words()
        self.trouble.setWordWrap(True)
        self.trouble.setMinimumHeight(36)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go = buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._go)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addLayout(form)
        for box in self.boxes.values():
            column.addWidget(box)
        column.addWidget(self.trouble)
        column.addWidget(buttons)
        self.resize(520, 320)

    def _follow(self) -> None:
        """The question of writing is asked where some pixels are a patient's, and DICOM says it."""
        picture: Picture | None = self.picture.currentData()
        partly = picture is not None and (provenance_of(picture) or {}).get("synthetic") == PARTLY
        self._form.setRowVisible(self.burned_in, partly and self.boxes["dicom"].isChecked())

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder", self.folder.text())
        if name:
            self.folder.setText(name)
            self.name.setText(free_name(Path(name), self.name.text()))

    def _go(self) -> None:
        if refusal := self.spacing.take_refusal():
            self.trouble.setText(refusal)
            return
        value = self.spacing.value()
        spacing = self.known or ((value, value) if value > 0 else None)
        formats = [key for key, box in self.boxes.items() if box.isChecked()]
        folder, name = Path(self.folder.text()), self.name.text().strip()
        self.go.setEnabled(False)
        self.trouble.setText("Exporting ...")
        picture: Picture | None = self.picture.currentData()

        export, burned_in = self._export, bool(self.burned_in.currentData())

        def work() -> str:
            try:
                return export(folder, name, formats, spacing, picture, burned_in)
            except Exception as error:  # whatever it is, the dialog must not wait for ever
                return f"This failed ({type(error).__name__}: {error})."

        on_thread(work, self._finish)

    def _finish(self, said: str) -> None:
        self.go.setEnabled(True)
        if said:
            self.trouble.setText(said)
        else:
            self.close()
