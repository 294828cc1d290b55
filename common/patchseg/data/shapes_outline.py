"""Outlines of synthetic objects: ellipses, walnuts, beans, lobes, stars and bodies with branches."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import label as components

from patchseg.data.shapes_texture import smooth_noise

ANGLES = 720
KINDS = {"star": 0.4, "box": 0.25, "lobes": 0.22, "branches": 0.13}


class Outline(NamedTuple):
    """Where an object lies: all arrays (rows, columns), float32 but for the mask.

    `distance` to the boundary in pixels, negative inside, exact only near the boundary; `u` and `v`, the
    object's own bent and stretched coordinates, about -1..1 inside; `mask` (bool), one connected part without
    holes of its own; `radius` in pixels, of the disc of the same area.
    """

    distance: np.ndarray
    u: np.ndarray
    v: np.ndarray
    mask: np.ndarray
    radius: float


def random_outline(
    rng: np.random.Generator, size: tuple[int, int], radius: float, centre: tuple[float, float]
) -> Outline:
    """One random object.

    Args:
        rng: the source of all variation.
        size: rows and columns of the slice.
        radius: in pixels, of the disc whose area the object gets.
        centre: row and column of the middle of its outline, about its mass centre.
    """
    y = np.arange(size[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    x = np.arange(size[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    turn = rng.choice([0, 0.5, rng.uniform(0, 2)]) * np.pi + rng.normal(0, 0.15)
    u, v = (np.cos(turn) * y + np.sin(turn) * x) / radius, (np.cos(turn) * x - np.sin(turn) * y) / radius
    wobble = 0.35 * rng.random() ** 2 * min(1, radius / 20)  # small objects are seen without detail
    grain = radius * rng.uniform(0.4, 1.2)
    u = u + wobble * smooth_noise(rng, size, grain) * min(0.5, grain / radius)
    v = v + wobble * smooth_noise(rng, size, grain) * min(0.5, grain / radius)
    aspect = rng.uniform(0.75, 1) if rng.random() < 0.6 else rng.uniform(0.35, 0.8)
    u, v = u / np.sqrt(aspect), v * np.sqrt(aspect)
    bend = rng.normal(0, 0.12) if rng.random() < 0.6 else rng.uniform(-0.6, 0.6)
    v, u = v, u * np.float32(aspect) + np.float32(bend) * (np.minimum(v * v, 4) - 0.35)
    u = u / np.float32(aspect)
    kind = rng.choice(list(KINDS), p=list(KINDS.values())) if radius > 14 else rng.choice(["star", "box"])
    form = {"star": _star, "box": _box, "lobes": _lobes, "branches": _branches}[kind](rng, u, v)
    form = form.astype(np.float32, copy=False)
    pixels = int(min(np.pi * radius**2, 0.6 * form.size))
    form = form - np.partition(form, pixels, axis=None)[pixels]
    slope_y, slope_x = np.gradient(form)
    slope = np.sqrt(slope_y**2 + slope_x**2)
    distance = form / np.maximum(slope, 0.35 / radius)
    mask = form < 0
    parts, count = components(mask)
    if count > 1:
        main = parts == np.bincount(parts.ravel())[1:].argmax() + 1
        distance = np.where(mask & ~main, 2, distance)
        mask = main
    return Outline(distance, u, v, mask, radius)


def _star(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A circle whose radius swings with the angle."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, dtype=np.float32)
    swing = rng.choice([0.0, 0.1, 0.25], p=[0.35, 0.4, 0.25])
    radius = np.ones_like(angle)
    for k in range(2, int(rng.integers(3, 9))):
        radius += swing * rng.normal() / k**1.1 * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    place = ((np.arctan2(u, v) + np.pi) * ((ANGLES - 1) / (2 * np.pi))).astype(np.int32)
    return np.hypot(u, v) / np.maximum(radius, 0.35)[np.clip(place, 0, ANGLES - 1)]


def _box(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A rounded box, often narrower at one end: the prostate in most slices."""
    power = rng.uniform(2, 4)
    taper = 1 + rng.uniform(-0.35, 0.35) * np.clip(u, -1.5, 1.5)
    return (np.abs(u) ** power + np.abs(v / taper) ** power) ** (1 / power)


def _lobes(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Two to six discs grown together around one in the middle."""
    sharp = rng.uniform(4, 14)
    total = np.exp(-sharp * (np.hypot(u, v) - rng.uniform(0.5, 0.8)))
    for _ in range(int(rng.integers(1, 6))):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.85)
        disc = np.hypot(u - away * np.sin(angle), v - away * np.cos(angle)) - rng.uniform(0.25, 0.65)
        total += np.exp(-sharp * disc)
    return -np.log(total + 1e-30) / sharp


def _branches(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A body with one to four tapering branches: the left atrium with its veins, a lesion with spicules."""
    form = np.hypot(u, v) - 0.8
    for _ in range(int(rng.integers(1, 5))):
        angle, length, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.7), rng.uniform(0.2, 0.45)
        along = np.clip((u * np.sin(angle) + v * np.cos(angle)) / length, 0, 1)
        across = np.hypot(u - along * length * np.sin(angle), v - along * length * np.cos(angle))
        form = np.minimum(form, across - width * (1 - 0.4 * along))
    return form
