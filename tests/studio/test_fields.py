"""Numbers typed and pasted: understood alike everywhere, or refused in so many words."""

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QDialog, QDialogButtonBox

from xgen_studio.studio.dialogs.count import CountDialog
from xgen_studio.studio.dialogs.export import ExportDialog
from xgen_studio.studio.dialogs.settings import SettingsDialog
from xgen_studio.studio.fields import NumberField, WholeField, read_number


@pytest.fixture(params=["C", "de_DE", "en_US", "ar_EG"])
def locale(request):
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.fixture
def field(qtbot, locale):
    made = NumberField(6, maximum=10.0, suffix=" mm")
    made.setSpecialValueText("not known")
    qtbot.addWidget(made)
    made.show()
    return made


def typed(field, text):
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    return field.value()


def pasted(field, text):
    QApplication.clipboard().setText(text)
    field.lineEdit().selectAll()
    field.lineEdit().paste()
    field.interpretText()
    return field.value()


@pytest.mark.parametrize("enter", [typed, pasted])
@pytest.mark.parametrize(
    ("text", "value"), [("0.143", 0.143), ("0,143", 0.143), (".2", 0.2), (",2", 0.2), ("3", 3.0)]
)
def test_point_and_comma_mean_the_same_in_every_locale(field, enter, text, value):
    assert enter(field, text) == value
    assert field.text() == f"{value:g} mm" and field.take_refusal() == ""


@pytest.mark.parametrize("enter", [typed, pasted])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.000,5", "two ways"),
        ("1,000.5", "two ways"),
        ("1 000", "two ways"),
        ("1e-3", "not a number"),
        ("0.14x", "not a number"),
        ("11", "from 0 to 10"),
        ("0.1234567", "6 decimals"),
    ],
)
def test_what_is_not_certain_is_refused_and_said(field, enter, text, why):
    field.setValue(0.5)
    assert enter(field, text) == 0.5 and field.text() == "0.5 mm"
    assert why in field.take_refusal() and field.take_refusal() == ""


def test_digits_of_other_scripts_are_refused(field):
    assert pasted(field, "١") == 0.0 and "not a number" in field.take_refusal()


@pytest.mark.parametrize("enter", [typed, pasted])
@pytest.mark.parametrize("text", ["1.5", "1,5", "1.000", "99999999999999999999", "12a"])
def test_a_whole_number_never_loses_a_letter(qtbot, locale, enter, text):
    field = WholeField(minimum=1, maximum=100, value=7)
    qtbot.addWidget(field)
    assert enter(field, text) == 7 and field.take_refusal()
    assert enter(field, "42") == 42 and field.text() == "42"


def test_a_cleared_field_is_not_known_again_or_as_it_was(field, qtbot):
    field.setValue(0.2)
    field.lineEdit().clear()
    field.interpretText()
    assert field.value() == 0.0 and field.text() == "not known"
    whole = WholeField(minimum=1, maximum=9, value=4)
    qtbot.addWidget(whole)
    whole.lineEdit().clear()
    whole.interpretText()
    assert whole.value() == 4 and whole.take_refusal() == ""


def test_negative_numbers_where_they_are_allowed():
    assert read_number("-0,5", -1, 1, 2) == -0.5
    with pytest.raises(ValueError, match="from 0"):
        read_number("-0,5", 0, 1, 2)


def test_the_export_dialog_exports_nothing_while_the_pixel_size_is_refused(qtbot, tmp_path, window):
    got = []
    dialog = ExportDialog("knee", tmp_path, None, {}, lambda *all: got.append(all[3]) or "", window)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.spacing.lineEdit().setText("1.000,5")
    dialog.go.click()
    assert not got and "two ways" in dialog.trouble.text()
    dialog.spacing.lineEdit().setText("0,143 mm")
    dialog.go.click()
    qtbot.waitUntil(lambda: got == [(0.143, 0.143)])


def test_a_count_that_is_refused_is_asked_again(qtbot, window):
    dialog = CountDialog("Draw many", "How many?", 20, 100, window)
    qtbot.addWidget(dialog)
    dialog.show()
    for text, result in (("1.5", QDialog.DialogCode.Rejected), ("15", QDialog.DialogCode.Accepted)):
        dialog.field.lineEdit().setText(text)
        dialog.findChild(QDialogButtonBox).accepted.emit()
        assert dialog.result() == result.value
    assert dialog.field.value() == 15 and "two ways" in dialog.told.text()


def test_every_number_field_is_one_of_ours(window, qtbot):
    for name in window.doors:
        window.show_workspace(name)
    dialog = SettingsDialog(window.settings, window)
    qtbot.addWidget(dialog)
    boxes = window.findChildren(QAbstractSpinBox)
    assert len(boxes) >= 6
    assert all(isinstance(box, NumberField | WholeField) for box in boxes)
