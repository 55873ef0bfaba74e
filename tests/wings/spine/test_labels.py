"""Whose numbers a mask has, and what becomes of them."""

import json

import numpy as np
import pytest
from scipy import ndimage

from tests.wings.spine.masks import LUMBAR, ORIGIN, SPACING, save, spine, volume
from xgen_studio.errors import InputError
from xgen_studio.imaging import write_volume
from xgen_studio.wings.spine.science.labels import NAMES_NEEDED, read_labels
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.numbering import Subregion, level_of


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("vertebrae_L1", "L1"),
        ("Th12", "T12"),
        ("D07", "T7"),
        ("L1 vertebral body", "L1"),
        ("Third lumbar vertebra", "L3"),
        ("Thoracic vertebra 11", "T11"),
        ("sacrum", "S1"),
        ("vertebrae_S1", "S1"),
        ("disc_L1_L2", None),
        ("L1-L2", None),
        ("costal 7", None),
        ("vertebrae_body", None),
        ("L9", None),
        ("T2w", None),
        ("adrenal_gland_left", None),
    ],
)
def test_a_level_is_known_however_it_is_spelled(text, level):
    assert level_of(text) == level


def read(tmp_path, ids, levels, how=None, **told):
    voxels, middles = spine(ids, **(how or {}))
    found = read_labels(save(tmp_path / "mask.nii.gz", voxels), **told)
    assert found.levels == tuple(levels)
    for level, middle in zip(levels, middles, strict=True):  # the right vertebra has the name
        at = np.rint(found.volume.mm_to_index(middle + ORIGIN)).astype(int)
        assert found.volume.voxels[tuple(at)] == LABELS[level]
    return found


def test_verse_numbers_go_to_the_feet_and_t13_stands_above_l1(tmp_path):
    found = read(tmp_path, [18, 19, 28, 20, 21], ["T11", "T12", "T13", "L1", "L2"])
    assert found.scheme.startswith("VerSe")
    assert found.named


def test_totalsegmentators_numbers_go_to_the_head(tmp_path):
    found = read(
        tmp_path, [32, 31, 30, 29, 28, 27, 26], ["T12", "L1", "L2", "L3", "L4", "L5", "S1"]
    )
    assert "TotalSegmentator 2" in found.scheme


def test_its_three_lowest_are_no_verse_numbers(tmp_path):
    read(tmp_path, [28, 27, 26], ["L4", "L5", "S1"])


def test_other_organs_of_totalsegmentator_are_left_out_and_said(tmp_path):
    voxels, _ = spine([31, 30, 29])
    voxels[:6, :5] = 5
    found = read_labels(save(tmp_path / "total.nii.gz", voxels))
    assert found.levels == ("L1", "L2", "L3")
    assert any("left out: 5" in note for note in found.notes)


def test_numbers_of_version_1_are_told_from_an_upside_down_verse_mask_by_growth(tmp_path):
    ids = [23, 22, 21, 20, 19, 18]
    found = read(tmp_path, ids, ["T12", "L1", "L2", "L3", "L4", "L5"])
    assert "TotalSegmentator 1" in found.scheme
    voxels, _ = spine(ids[::-1])
    turned = read_labels(save(tmp_path / "turned.nii.gz", voxels[::-1]))
    assert turned.levels == ("T11", "T12", "L1", "L2", "L3", "L4")
    assert any("upside down" in note for note in turned.notes)


def test_totalspineseg_is_recognised(tmp_path):
    read(tmp_path, [31, 32, 41, 42, 43], ["T11", "T12", "L1", "L2", "L3"])


def test_the_caller_has_the_last_word(tmp_path):
    found = read(tmp_path, [23, 22, 21], ["T12", "L1", "L2"], scheme="totalsegmentator-1")
    assert "as asked" in found.scheme
    with pytest.raises(InputError, match="no numbering"):
        read_labels(tmp_path / "mask.nii.gz", scheme="mine")


def test_names_in_the_file_go_before_numbers(tmp_path):
    voxels, _ = spine([1, 2, 3])
    names = {1: "vertebrae_T12", 2: "vertebrae_L1", 3: "vertebrae_L2", 4: "vertebrae_L3"}
    found = read_labels(save(tmp_path / "mask.nii.gz", voxels, names=names))
    assert found.levels == ("T12", "L1", "L2")
    assert found.scheme == "named by names in the file"


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "L1": 1, "L2": 2, "canal": 3},
        {"0": "background", "1": "L1", "2": "L2", "3": "canal"},
    ],
)
def test_nnunets_table_is_read_in_both_directions(tmp_path, labels):
    folder = tmp_path / "labelsTr"
    folder.mkdir()
    voxels, _ = spine([1, 2])
    voxels[:3, -3:] = 3
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    found = read_labels(save(folder / "mask.nii.gz", voxels))
    assert found.levels == ("L1", "L2")
    assert "dataset.json" in found.scheme
    assert any("canal" in note for note in found.notes)


def test_a_table_that_does_not_name_all_ids_is_another_mask_s(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"L1": 1, "L2": 2}}))
    found = read_labels(save(tmp_path / "mask.nii.gz", spine([20, 21])[0]))
    assert found.levels == ("L1", "L2")
    assert found.scheme.startswith("VerSe")


def test_slicers_segments_have_names(tmp_path):
    import nrrd

    voxels, _ = spine([1, 2])
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag(SPACING),
        "space origin": ORIGIN,
        "Segment0_Name": "L2 vertebra",
        "Segment0_LabelValue": "2",
        "Segment1_Name": "L1 vertebra",
        "Segment1_LabelValue": "1",
    }
    nrrd.write(str(tmp_path / "a.seg.nrrd"), voxels.transpose(2, 1, 0), header)
    assert read_labels(tmp_path / "a.seg.nrrd").levels == ("L1", "L2")


def test_spineps_discs_and_endplates_are_dropped_and_its_parts_kept(tmp_path):
    voxels, _ = spine([20, 21, 22])
    parts = np.where(voxels > 0, 49, 0).astype(np.uint16)
    parts[(voxels > 0) & (np.arange(voxels.shape[1]) > 30)[:, None]] = 42
    disc = ndimage.binary_dilation(voxels == 20, iterations=2) & (voxels == 0)
    voxels[disc], parts[disc] = 120, 100
    vert = save(tmp_path / "sub-1_seg-vert_msk.nii.gz", voxels, axes="PIR")
    subreg = save(tmp_path / "sub-1_seg-subreg_msk.nii.gz", parts, axes="PIR")
    for file in (vert, subreg):  # either of the two files will do
        found = read_labels(file)
        assert found.levels == ("L1", "L2", "L3")
        assert found.stored_axes == "PIR"
        assert "left out: 1 discs, 0 endplates" in found.notes
        inside = found.volume.voxels > 0
        assert np.array_equal(found.subregions > 0, inside)
        assert (found.subregions[:, 31:][inside[:, 31:]] == Subregion.SPINOUS).all()
        assert not found.bodies_only
    vert.unlink()
    with pytest.raises(InputError, match="seg-vert"):
        read_labels(subreg)


def test_numbers_of_the_neck_at_lumbar_distances_are_no_names(tmp_path):
    for ids in ([1, 2, 3, 4], [5, 6, 7]):
        found = read_labels(save(tmp_path / "mask.nii.gz", spine(ids, step=31.0)[0]))
        assert not found.named
        assert found.present == tuple(range(1, len(ids) + 1))
        assert NAMES_NEEDED in found.notes
    read(tmp_path, [1, 2, 3, 4], ["C1", "C2", "C3", "C4"], {"step": 16.0})


def test_bodies_counted_from_the_lowest_are_counted_anew_and_named_from_one(tmp_path):
    voxels, middles = spine([5, 4, 3, 2, 1], arches=False)
    found = read_labels(save(tmp_path / "mask.nii.gz", voxels))
    assert not found.named
    assert found.bodies_only
    named = found.named_from(5, "L5")
    assert named.levels == ("L1", "L2", "L3", "L4", "L5")
    at = np.rint(named.volume.mm_to_index(middles[0] + ORIGIN)).astype(int)
    assert named.volume.voxels[tuple(at)] == LABELS["L1"]
    assert NAMES_NEEDED not in named.notes
    assert found.named_from(1, "T12").levels[-1] == "L4"
    with pytest.raises(InputError, match="more vertebrae than the spine has"):
        found.named_from(5, "C3")
    with pytest.raises(InputError, match="cannot be named"):
        found.named_from(9, "L1")


def test_one_id_for_all_bodies_is_taken_apart(tmp_path):
    voxels, _ = spine([1, 1, 1], arches=False)
    voxels[0, 0, 0] = 1
    found = read_labels(save(tmp_path / "body.nii.gz", voxels, names={1: "vertebrae_body"}))
    assert found.present == (1, 2, 3)
    assert "vertebrae_body" not in found.scheme and "bodies" in found.scheme
    assert any("1 small pieces are left out (0.01 ml)" in note for note in found.notes)
    tops = [np.argwhere(found.volume.voxels == i)[:, 0].max() for i in (1, 2, 3)]
    assert tops == sorted(tops, reverse=True)


def test_a_folder_of_one_file_a_vertebra_is_one_mask(tmp_path):
    voxels, _ = spine([20, 21])
    for id, name in ((20, "vertebrae_L1"), (21, "vertebrae_L2")):
        save(tmp_path / f"{name}.nii.gz", (voxels == id).astype(np.uint8))
    save(tmp_path / "liver.nii.gz", np.ones_like(voxels))
    found = read_labels(tmp_path)
    assert found.levels == ("L1", "L2")
    assert np.array_equal(found.volume.voxels, voxels)
    save(tmp_path / "vertebrae_L3.nii.gz", voxels[:-1])
    with pytest.raises(InputError, match=r"vertebrae_L3.*another grid"):
        read_labels(tmp_path)


def test_a_folder_without_vertebrae_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file of a vertebra"):
        read_labels(tmp_path)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "PIR", "SAL"])
def test_the_mask_is_turned_and_stays_where_it_is(tmp_path, axes):
    voxels, _ = spine([19, 20, 21])
    found = read_labels(save(tmp_path / "mask.nii.gz", voxels, axes=axes))
    assert np.array_equal(found.volume.voxels, voxels)
    assert np.allclose(found.volume.origin, ORIGIN)
    assert found.stored_axes == axes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.astype(np.float32) / 2, "fractions"),
        (lambda v: v.astype(np.int16) - 1000, "is it the CT"),
        (lambda v: v * 0, "is empty"),
        (lambda v: np.where(v > 0, 55, 0).astype(np.uint16), "no names|holds no vertebra|names"),
        (lambda v: np.arange(v.size, dtype=np.int32).reshape(v.shape) % 999, "picture rather"),
    ],
)
def test_what_is_no_mask_of_vertebrae_is_refused_in_one_line(tmp_path, change, said):
    path = save(tmp_path / "mask.nii.gz", change(spine([21, 22])[0]))
    if said.startswith("no names"):  # a number of no tool: pieces without names
        assert not read_labels(path).named
        return
    with pytest.raises(InputError, match=said) as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_brain_of_totalsegmentator_holds_no_vertebra(tmp_path):
    voxels, _ = spine([3, 2])
    with pytest.raises(InputError, match="holds no vertebra"):
        read_labels(save(tmp_path / "m.nii.gz", voxels), scheme="totalsegmentator")


def test_mha_is_read_too(tmp_path):
    write_volume(tmp_path / "mask.mha", volume(spine([19, 20])[0].astype(np.uint8)))
    assert read_labels(tmp_path / "mask.mha").levels == ("T12", "L1")


def segment(number, label, meaning):
    from pydicom import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "SCT", meaning
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, label
    item.SegmentedPropertyTypeCodeSequence = [code]
    return item


def write_seg(path, masks, names, spacing, origin):
    """A binary DICOM SEG of (segments, z, y, x) without its empty slices, from head to feet."""
    import pydicom
    from pydicom import Dataset
    from pydicom.pixels.utils import pack_bits

    def group(**values):
        item = Dataset()
        for key, value in values.items():
            setattr(item, key, value)
        return [item]

    seg = Dataset()
    seg.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    seg.SOPInstanceUID = "1.2.3"
    seg.Modality, seg.SegmentationType = "SEG", "BINARY"
    seg.SegmentSequence = [segment(k + 1, *name) for k, name in enumerate(names)]
    shared = Dataset()
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = group(
        PixelSpacing=[spacing[1], spacing[0]], SpacingBetweenSlices=spacing[2]
    )
    seg.SharedFunctionalGroupsSequence = [shared]
    frames, groups = [], []
    for k, mask in enumerate(masks):
        for z in range(len(mask))[::-1]:
            if mask[z].any():
                place = [origin[0], origin[1], origin[2] + z * spacing[2]]
                one = Dataset()
                one.PlanePositionSequence = group(ImagePositionPatient=place)
                one.SegmentIdentificationSequence = group(ReferencedSegmentNumber=k + 1)
                groups.append(one)
                frames.append(mask[z])
    seg.PerFrameFunctionalGroupsSequence = groups
    seg.NumberOfFrames, seg.Rows, seg.Columns = len(frames), *masks.shape[2:]
    seg.SamplesPerPixel, seg.PhotometricInterpretation = 1, "MONOCHROME2"
    seg.BitsAllocated = seg.BitsStored = 1
    seg.HighBit = seg.PixelRepresentation = 0
    seg.PixelData = pack_bits(np.array(frames, np.uint8))
    seg.file_meta = pydicom.dataset.FileMetaDataset()
    seg.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    seg.save_as(path, enforce_file_format=True)
    return path


def test_dicom_segments_are_named_by_label_or_code(tmp_path):
    voxels, _ = spine([1, 2, 3])
    names = [("Segment 1", "T12 vertebra"), ("L1", "Vertebra"), ("aorta", "Aorta")]
    masks = np.stack([voxels == id for id in (1, 2, 3)])
    path = write_seg(tmp_path / "seg.dcm", masks, names, SPACING, ORIGIN)
    found = read_labels(path)
    assert found.levels == ("T12", "L1")
    assert found.scheme == "named by DICOM SEG segments"
    assert any("aorta" in note for note in found.notes)
    for level, id in (("T12", 1), ("L1", 2)):
        mine = found.volume.index_to_mm(np.argwhere(found.volume.voxels == LABELS[level]))
        assert np.allclose(mine, volume(voxels).index_to_mm(np.argwhere(voxels == id)))


def test_a_damaged_dicom_segmentation_is_said_in_one_line(tmp_path):
    import pydicom

    voxels, _ = spine([1])
    path = write_seg(tmp_path / "s.dcm", (voxels > 0)[None], [("L1", "L1")], SPACING, ORIGIN)
    broken = pydicom.dcmread(path)
    del broken.SharedFunctionalGroupsSequence
    broken.save_as(path)
    with pytest.raises(InputError, match="cannot be read as a DICOM segmentation"):
        read_labels(path)


EXPECTED = {
    "verse012/sub-verse012_seg-vert_msk.nii.gz": ("T10", "T11", "T12", "L1", "L2", "L3"),
    "verse_masks/sub-verse004_seg-vert_msk.nii.gz": (
        *("T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"),
    ),
    "verse_masks/sub-gl017_seg-vert_msk.nii.gz": (
        *(f"C{n}" for n in range(1, 8)),
        *(f"T{n}" for n in range(1, 5)),
    ),
    "totalseg_spine/totalseg.nii.gz": ("T11", *LUMBAR[1:], "L5", "S1"),
    "totalseg_spine/totalseg_vertebrae_pp_refined.nii.gz": (*LUMBAR[1:], "L5"),
    "tptbox_sample/sub-ct_seg-vert_label-22_msk.nii.gz": ("L2", "L3", "L4"),
}


@pytest.mark.parametrize("file", EXPECTED)
def test_real_masks_are_named_as_their_makers_did(data, file):
    if not (data / "spine" / file).exists():
        pytest.skip(f"{file} is not among the shared data")
    assert read_labels(data / "spine" / file).levels == EXPECTED[file]


def test_totalsegmentators_numbers_tell_the_same_as_its_names(data):
    path = data / "spine/totalseg_spine/totalseg.nii.gz"
    by_number = read_labels(path, scheme="totalsegmentator")
    assert np.array_equal(by_number.volume.voxels, read_labels(path).volume.voxels)


def test_real_bodies_without_names_are_never_called_cervical(data):
    files = sorted((data / "spine/body_masks").glob("*.nii.gz"))
    if not files:
        pytest.skip("no body masks among the shared data")
    for file in files:
        found = read_labels(file)
        assert not found.named, file.name
        assert found.bodies_only, file.name
        lowest = {"VB2": "L5", "VB3": "L5"}.get(file.name[:3])
        if lowest:
            top = found.named_from(found.present[-1], lowest).levels[0]
            assert top == {"VB2": "T11", "VB3": "L1"}[file.name[:3]]
