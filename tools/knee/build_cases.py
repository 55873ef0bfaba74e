"""Draw the bundled knee masks from parametric knees: python tools/knee/build_cases.py

Our own drawings: silhouettes of the simulated bones, never copied from anybody's radiograph.
"""

import numpy as np

from xgen_studio.imaging import Mask, Volume, write_mask
from xgen_studio.imaging.projection import ConeBeam, project
from xgen_studio.wings.knee.science.labels import BONE, FEMUR, FIBULA, LEG, TABLE, TIBIA
from xgen_studio.wings.knee.science.phantom import make_knee
from xgen_studio.wings.knee.science.simulation import CONTOUR_THRESHOLD, GEOMETRY, simulate
from xgen_studio.wings.knee.wing import WING

HERE = WING.folder / "cases"
XRAY = ConeBeam(detector=(160, 288), pixel=0.68)  # the bones as large as on the radiographs


def silhouettes(seed: int, geometry: ConeBeam, angle: float, parts=(FEMUR, TIBIA, FIBULA)):
    """Label image of one view of one parametric knee, bones by name."""
    knee = make_knee(seed)
    spacing = (knee.spacing,) * 3
    whole = project(Volume(knee.volume_hu, spacing), np.array([angle]), geometry).attenuation[0]
    labels = np.where(whole / whole.max() > CONTOUR_THRESHOLD, LEG, 0).astype(np.uint8)
    for part in parts:
        solid = np.where(knee.labels == part, 1000.0, -1000.0).astype(np.float32)
        length = project(Volume(solid, spacing), np.array([angle]), geometry, bone_threshold=0)
        labels[length.bone[0] > 0.5] = part
    return labels


def main() -> None:
    """Write the cases."""
    for name, seed in (("ap_right", 2010), ("ap_left", 2000), ("ap_small", 2013)):
        write_mask(HERE / f"{name}.png", Mask(silhouettes(seed, XRAY, 0.0), TABLE))
    contour = silhouettes(2004, XRAY, 0.0, parts=())
    write_mask(HERE / "ap_contour_only.png", Mask(contour, TABLE))
    for name, seed, angle in (
        ("drr_ap", 2002, 0.0),
        ("drr_lateral", 2002, 90.0),
        ("drr_oblique", 2003, 40.0),
    ):
        knee = make_knee(seed)
        made = simulate(Volume(knee.volume_hu, (knee.spacing,) * 3), [angle], GEOMETRY)
        assert (made.labels == BONE).any()
        write_mask(HERE / f"{name}.png", Mask(made.labels[0], TABLE))


if __name__ == "__main__":
    main()
