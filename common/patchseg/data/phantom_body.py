"""The abdomen of the CT phantom without its kidneys, in HU: wall, bones, muscles, vessels, organs, bowel."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion

from patchseg.data.phantom_grid import Grid, around, ellipsoid, smooth_noise

AIR, FAT, WATER = -1000.0, -102.0, 5.0


class Phase(NamedTuple):
    """HU of the tissues that a contrast agent changes, at one time after the injection."""

    cortex: float
    medulla: float
    pelvis: float
    tumour: float
    aorta: float
    cava: float
    liver: float
    spleen: float
    bowel_wall: float


PHASES = {
    "corticomedullary": Phase(190, 95, 12, 88, 270, 125, 80, 125, 85),
    "nephrographic": Phase(172, 160, 16, 84, 155, 145, 112, 118, 80),
    "excretory": Phase(138, 142, 380, 70, 112, 112, 94, 96, 68),
}


def paint_body(rng: np.random.Generator, grid: Grid, size: float, phase: Phase) -> tuple[np.ndarray, np.ndarray]:
    """Everything but the kidneys.

    Args:
        rng: the source of all variation.
        grid: where the voxels lie; the body is in the middle.
        size: scale of the body; 1 is 310 mm wide.
        phase: HU of the enhancing tissues.

    Returns:
        HU (float32), and the inside of the abdominal wall without spine and muscles (bool), where kidneys may lie.
    """
    body = Grid(grid.y / size, grid.x / size, grid.z)
    fat, muscle = rng.uniform(9, 24), rng.uniform(9, 13)
    skin = _outline(body, 155, 108)
    wall = _outline(body, 155 - fat, 108 - 0.8 * fat)
    cavity = _outline(body, 155 - fat - muscle, 108 - 0.8 * fat - muscle)

    hu = np.full(grid.shape, AIR, dtype=np.float32)
    _paint_couch(hu, body)
    hu[skin < 1] = 20
    hu[skin < 0.98] = FAT
    hu[wall < 1] = 58
    inside = cavity < 1
    hu[(wall < 0.985) & (np.abs(cavity - 1.05) < 0.008) & (body.y < 60)] = -50  # fat between the muscle layers
    hu[inside] = FAT
    grain = smooth_noise(rng, grid, 7)
    _paint_organs(rng, hu, body, phase, inside, grain)
    _paint_bowel(rng, hu, body, phase, inside, grain)
    _paint_vessels(rng, hu, body, phase, grain)
    solid = _paint_muscles(hu, body)
    _paint_ribs(rng, hu, body, (wall < 0.985) & (cavity > 0.97))
    solid |= _paint_spine(rng, hu, body, grain)
    hu += np.where(hu > -500, 5, 0) * grain
    # a layer of fat stays between organs and wall
    return hu, binary_erosion(inside & ~solid, np.ones((3, 3, 1)), iterations=2)


def _outline(grid: Grid, half_width: float, half_depth: float) -> np.ndarray:
    """1 on a rounded-off rectangle with a flatter back, below 1 inside."""
    depth = np.where(grid.y > 0, half_depth * 0.93, half_depth)
    swell = 1 - 0.0004 * grid.z
    return ((np.abs(grid.x) / (half_width * swell)) ** 2.3 + (np.abs(grid.y) / depth) ** 2.3) ** (1 / 2.3)


def _paint_couch(hu: np.ndarray, grid: Grid) -> None:
    top = 106 - (grid.x / 62) ** 2 + 0 * grid.z
    under = (grid.y > top) & (np.abs(grid.x) < 150)
    hu[under & (grid.y < top + 14)] = -880
    hu[under & (grid.y < top + 3)] = 10
    hu[under & (grid.y > top + 11) & (grid.y < top + 14)] = 10


def _paint_organs(
    rng: np.random.Generator, hu: np.ndarray, grid: Grid, phase: Phase, inside: np.ndarray, grain: np.ndarray
) -> None:
    lift = rng.uniform(-12, 12)
    right_lobe = ellipsoid(grid, (-12, -72, 62 + lift), (78, 70, 88)) < 1
    left_lobe = ellipsoid(grid, (-55, -15, 78 + lift), (34, 68, 52)) < 1
    liver = (right_lobe | left_lobe) & inside & (grid.x < 45)
    hu[liver] = phase.liver + 3 * grain[liver]
    for _ in range(5):  # hepatic and portal veins
        slope_y, slope_x = rng.uniform(-0.8, 0.8, 2)
        centre = (rng.uniform(-50, 20) + slope_y * grid.z, rng.uniform(-105, -30) + slope_x * grid.z, 0)
        vein = ellipsoid(grid, centre, (rng.uniform(3, 5), rng.uniform(3, 5), 1e4)) < 1
        hu[vein & liver] = phase.liver + 12 + 0.45 * (phase.cava - 40)
    gallbladder = ellipsoid(grid, (-58, -48, 8 + lift), (15, 13, 24)) < 1
    hu[gallbladder & inside] = 9

    spleen_z = rng.uniform(48, 66)
    spleen = (ellipsoid(grid, (14, 98, spleen_z), (48, 30, 52)) < 1) & inside
    spleen &= ellipsoid(grid, (2, 60, spleen_z), (34, 30, 60)) > 1  # the hilum is hollow
    hu[spleen] = phase.spleen + 3 * grain[spleen]
    stomach = ellipsoid(grid, (-44, 52, 62 + lift), (33, 42, 40))
    _paint_hollow(rng, hu, grid, stomach, inside & ~spleen, grain, phase, -52, content="level")
    pancreas = ellipsoid(grid, (-18 - 0.003 * grid.x**2 + 0.1 * grid.z, 22, 28), (10, 52, 15)) < 1
    hu[pancreas & inside & (hu < 0)] = phase.liver * 0.85 + 8


def _paint_bowel(
    rng: np.random.Generator, hu: np.ndarray, grid: Grid, phase: Phase, inside: np.ndarray, grain: np.ndarray
) -> None:
    fatty = inside & (hu < -60)
    for side in (-1, 1):  # ascending and descending colon
        bulge = 1 + 0.18 * np.sin(grid.z / rng.uniform(7, 10) + rng.uniform(0, 6))
        centre = (rng.uniform(-2, 10), side * rng.uniform(100, 108), 0)
        colon = ellipsoid(grid, centre, (19 * bulge, 17 * bulge, 1e4)) + (grid.z > 15) * 9
        _paint_hollow(rng, hu, grid, colon, fatty, grain, phase, centre[0] - 7, content="stool")
    for _ in range(int(rng.integers(20, 28))):
        centre = (rng.uniform(-80, -12), rng.uniform(-95, 95), rng.uniform(-75, 45))
        size = rng.uniform(9, 17)
        box, near = around(grid, centre, 60)
        tilt = rng.uniform(-0.5, 0.5, 2)
        bent = (
            centre[0] + tilt[0] * (near.x - centre[1]),
            centre[1] + tilt[1] * (near.z - centre[2]),
            centre[2],
        )
        loop = ellipsoid(near, bent, (size, size * rng.uniform(1.0, 2.0), size * rng.uniform(1.0, 2.2)))
        content = rng.choice(["level", "contrast", "fluid", "collapsed"], p=[0.25, 0.2, 0.3, 0.25])
        _paint_hollow(
            rng, hu[box], near, loop, fatty[box], grain[box], phase, centre[0] - 0.3 * size, str(content)
        )
    for _ in range(40):  # mesenteric vessels
        y, x, slope = rng.uniform(-75, 0), rng.uniform(-80, 80), rng.uniform(-0.9, 0.9)
        box, near = around(grid, (y, 0, 0), (4, np.inf, np.inf))
        vessel = ellipsoid(near, (y, x + slope * near.z, 0), (1.9, 1.9, 1e4)) < 1
        hu[box][vessel & fatty[box] & (hu[box] < -60)] = phase.cava * 0.8


def _paint_hollow(
    rng: np.random.Generator,
    hu: np.ndarray,
    grid: Grid,
    distance: np.ndarray,
    allowed: np.ndarray,
    grain: np.ndarray,
    phase: Phase,
    level: float,
    content: str,
) -> None:
    """An organ with a wall (`distance` 0.82 to 1) and a content; gas lies above the row position `level`."""
    whole = (distance < 1) & allowed
    lumen = (distance < (0.35 if content == "collapsed" else 0.8)) & allowed
    hu[whole] = phase.bowel_wall
    filling = {"level": 22, "contrast": rng.uniform(150, 320), "fluid": 24, "collapsed": 30, "stool": 45}[content]
    hu[lumen] = filling
    if content == "stool":
        hu[lumen] += 30 * grain[lumen]
        hu[lumen & (grain > 1.5)] = -650
    if content in ("level", "stool"):
        hu[lumen & (grid.y < level)] = -930


def _paint_vessels(rng: np.random.Generator, hu: np.ndarray, grid: Grid, phase: Phase, grain: np.ndarray) -> None:
    sway = 3 * np.sin(grid.z / 60 + rng.uniform(0, 6))
    aorta = ellipsoid(grid, (20, 9 + sway, 0), (10.5, 10.5, 1e4))
    cava = ellipsoid(grid, (18, -21 + sway, 0), (9.5, 12.5, 1e4))
    hu[cava < 1] = phase.cava
    hu[aorta < 1] = phase.aorta
    if rng.random() < 0.6:
        hu[(aorta > 0.86) & (aorta < 1) & (grain > 1.6)] = 450  # calcified plaques
    artery = ellipsoid(grid, (-2, 7 + sway, 0), (4, 4, 1e4)) < 1  # superior mesenteric, with its vein beside it
    vein = ellipsoid(grid, (-4, -6 + sway, 0), (5.5, 5.5, 1e4)) < 1
    hu[vein & (grid.z < 25)] = phase.cava
    hu[artery & (grid.z < 35)] = phase.aorta


def _paint_muscles(hu: np.ndarray, grid: Grid) -> np.ndarray:
    """Psoas, quadratus lumborum and the back muscles on both sides; returns where they are."""
    muscles = np.zeros(hu.shape, dtype=bool)
    psoas = np.clip(15 - 0.09 * grid.z, 5, 24)
    for side in (-1, 1):
        muscles |= (
            ellipsoid(grid, (42 + 0.03 * grid.z, side * (24 + 0.8 * psoas), 0), (psoas, 0.75 * psoas, 1e4)) < 1
        )
        muscles |= ellipsoid(grid, (64, side * 62, 0), (9, 19, 1e4)) < 1
        muscles |= ellipsoid(grid, (77, side * 31, 0), (18, 27, 1e4)) < 1
    hu[muscles] = 57
    for side in (-1, 1):  # fat between the back muscles
        seam = np.abs(grid.x - side * (30 + 0.25 * (grid.y - 77))) < 1.3
        hu[seam & (grid.y > 66) & (grid.y < 92) & muscles] = -55
    return muscles


def _paint_ribs(rng: np.random.Generator, hu: np.ndarray, grid: Grid, wall: np.ndarray) -> None:
    """Ribs run down and forward within the wall: a bright rind around marrow every 30 mm."""
    angle = np.arctan2(np.abs(grid.x), grid.y)  # 0 at the back, pi at the front
    along = grid.z + 34 * angle + rng.uniform(0, 30)
    nearest = np.abs((along % 30) - 15) / 6.5
    reach = np.clip(1.9 + 0.012 * grid.z, 0.9, 2.5)  # the lower ribs end further back
    rib = (nearest < 1) & wall & (angle > 0.5) & (angle < reach) & (grid.z > -50)
    hu[rib] = 420
    hu[rib & (nearest < 0.55)] = 210


def _paint_spine(rng: np.random.Generator, hu: np.ndarray, grid: Grid, grain: np.ndarray) -> np.ndarray:
    """Vertebrae 34 mm apart with discs, canal and processes; returns the vertebral bodies and arches."""
    level = (grid.z + rng.uniform(0, 34)) % 34
    disc = level < 7
    waist = 1 - 0.12 * np.sin(np.pi * np.clip((level - 7) / 27, 0, 1))
    vertebra = ellipsoid(grid, (49, 0, 0), (16.5 * waist, 23 * waist, 1e4))
    arch = ellipsoid(grid, (74, 0, 0), (13, 17, 1e4)) < 1
    spinous = (np.abs(grid.x) < 3.5) & (grid.y > 78) & (grid.y < 99) & (level > 8) & (level < 24)
    transverse = (np.abs(grid.y - 70) < 4) & (np.abs(grid.x) < 44) & (level > 16) & (level < 24)
    facets = ellipsoid(grid, (78, np.sign(grid.x) * 17, 0), (7, 7, 1e4)) < 1
    bone = (arch & (level > 5)) | spinous | transverse | facets
    hu[bone] = 330 + 70 * grain[bone]
    body = vertebra < 1
    hu[body] = 165 + 45 * grain[body]
    hu[(vertebra > 0.88) & body] = 430
    hu[body & ((level < 9) | (level > 32.5))] = 380  # end plates
    hu[body & disc] = 92
    canal = ellipsoid(grid, (71, 0, 0), (8, 10, 1e4)) < 1
    hu[canal] = -20
    hu[ellipsoid(grid, (71, 0, 0), (6, 7.5, 1e4)) < 1] = 28
    return body | bone | canal
