"""The projector on real scans: the right way up, the right way round, at the right size."""

import numpy as np

from xgen_studio.imaging import read_volume
from xgen_studio.imaging.projection import ConeBeam, project
from xgen_studio.wings.knee.science.labels import BONE
from xgen_studio.wings.knee.science.simulation import simulate


def test_a_real_abdomen_stands_on_its_pelvis(data):
    volume = read_volume(data / "spine" / "totalseg_spine" / "example_ct.nii.gz")
    made = simulate(volume, [0.0], ConeBeam(), bone_threshold=250)
    bone = made.labels[0] == BONE
    width = bone.sum(1)
    body = np.nonzero((made.labels[0] > 0).any(1))[0]
    upper, lower = np.array_split(body, 2)
    assert width[lower].max() > 1.3 * width[upper].max()  # the iliac wings
    spine = bone[upper].sum(0)
    assert abs(int(spine.argmax()) - 128) < 30  # the vertebral column is in the middle


def test_opposite_views_of_a_real_spine_are_mirror_images_of_each_other(data):
    # at a great distance the cone is a parallel beam, where they must be
    volume = read_volume(data / "spine" / "verse012" / "sub-verse012_ct.nii.gz")
    far = ConeBeam(source_to_axis=60_000, source_to_detector=60_300, detector=(96, 96))
    front, back = project(volume, np.array([0.0, 180.0]), far).attenuation
    assert np.corrcoef(front.ravel(), back[:, ::-1].ravel())[0, 1] > 0.999
    assert np.corrcoef(front.ravel(), back.ravel())[0, 1] < 0.999


def test_a_projection_keeps_the_mass_of_a_real_scan(data):
    # sum of line integrals x pixel area at the axis = sum of mu x voxel volume, for a far source
    volume = read_volume(data / "abdomen" / "totalsegmentator" / "example_ct_sm.nii.gz")
    far = ConeBeam(source_to_axis=60_000, source_to_detector=60_300, detector=(192, 192))
    drr = project(volume, np.array([20.0]), far, spectrum="60keV")
    at_axis = drr.pixel * 60_000 / 60_300
    projected = drr.attenuation.sum() * at_axis**2
    mu = 0.2059 / 10 * np.clip(1 + volume.voxels.astype(np.float64) / 1000, 0, None)
    assert abs(projected / (mu.sum() * np.prod(volume.spacing)) - 1) < 0.01
