"""A spine without symmetry: bodies that grow to the feet, arches behind, a process to the left."""

import nibabel
import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.labels import SpineLabels
from xgen_studio.wings.spine.science.levels import LABELS

SPACING = (2.0, 2.0, 2.0)
ORIGIN = (-31.0, 14.0, -500.0)
LUMBAR = ("T11", "T12", "L1", "L2", "L3", "L4")


def spine(ids, step=30.0, spacing=SPACING, arches=True, depth=28.0):
    """A label map (z, y, x) in LPS order, `ids` from head to feet, and the middles of the bodies
    (n, 3) x, y, z in mm from the first voxel. Bodies grow by 3 % a level; the spine bends."""
    n = len(ids)
    size = np.array([96.0, 110.0, step * (n + 0.6)])
    counts = np.ceil(size / spacing).astype(int)
    lines = [np.arange(n) * step_mm for n, step_mm in zip(counts, spacing, strict=True)]
    z, y, x = np.meshgrid(*lines[::-1], indexing="ij", sparse=True)
    voxels = np.zeros(counts[::-1], np.uint16)
    middles = []
    for k, id in enumerate(ids):
        grow = 1.0 + 0.03 * k
        middle = np.array(
            [44.0 + 1.5 * k, 34.0 + 2.0 * (k - n / 2) ** 2 / n, size[2] - step * (k + 0.8)]
        )
        middles.append(middle)
        dx, dy, dz = x - middle[0], y - middle[1], z - middle[2]
        high = 0.36 * step * grow
        body = (abs(dz) <= high) & ((dx / (20 * grow)) ** 2 + (dy / (depth / 2 * grow)) ** 2 <= 1)
        voxels[body] = id
        if arches:
            ring = (
                (dy > depth / 2 * grow - 3) & (dy < depth / 2 * grow + 20) & (abs(dz) <= high / 2)
            )
            ring = ring & (abs(abs(dx) - 12) <= 3)
            tip = (abs(dx) <= 15) & (abs(dy - depth / 2 * grow - 21) <= 3) & (abs(dz) <= high / 2)
            tip = tip | (
                (abs(dx) <= 3) & (abs(dy - depth / 2 * grow - 32) <= 9) & (abs(dz + 3) <= high / 2)
            )
            side = (dx > 12) & (dx < 34) & (abs(dy - depth / 2 * grow - 10) <= 3) & (abs(dz) <= 4)
            voxels[(ring | tip | side) & (voxels == 0)] = id
    return voxels, np.array(middles)


def volume(voxels, spacing=SPACING, origin=ORIGIN):
    return Volume(voxels, spacing, origin)


def named(levels=LUMBAR, **how):
    """`SpineLabels` of these levels, and the middles of their bodies in LPS mm by level."""
    voxels, middles = spine([LABELS[name] for name in levels], **how)
    made = SpineLabels(volume(voxels.astype(np.uint8), how.get("spacing", SPACING)), "a phantom")
    return made, dict(zip(levels, middles + ORIGIN, strict=True))


def scan(labels, bone=400, noise=20):
    """A CT of it: air around a body of soft tissue, bone in the labels."""
    rng = np.random.default_rng(0)
    hu = np.full(labels.volume.shape, -1000.0)
    hu[:, 3:-2, 4:] = 40
    hu[labels.volume.voxels > 0] = bone
    hu += rng.normal(0, noise, hu.shape)
    v = labels.volume
    return Volume(hu.astype(np.int16), v.spacing, v.origin, v.direction, modality="CT")


def save(path, voxels, spacing=SPACING, origin=ORIGIN, axes="LPS", names=None, dtype=None):
    """A NIfTI whose voxels are stored along `axes`, with TotalSegmentator's table of names."""
    image = nibabel.Nifti1Image(
        np.asarray(voxels, dtype or voxels.dtype).transpose(2, 1, 0),
        np.diag([-1, -1, 1, 1])
        @ np.block(
            [[np.diag(spacing), np.array(origin)[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]]
        ),
    )
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("LPS"), nibabel.orientations.axcodes2ornt(axes)
    )
    image = image.as_reoriented(turn)
    if names:
        table = "".join(
            f'<Label Key="{i}" Red="0" Green="1" Blue="0" Alpha="1"><![CDATA[{n}]]></Label>\n'
            for i, n in names.items()
        )
        xml = f"<CaretExtension><LabelTable>\n{table}</LabelTable></CaretExtension>"
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
    nibabel.save(image, path)
    return path
