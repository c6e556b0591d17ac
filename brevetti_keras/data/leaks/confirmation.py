"""Whether two pictures that resemble each other are copies: told by how far each is from others of its kind.

    confirmed = confirm(pairs, paths, pixels, details, contrasts, memory)
    confirmed.distance, confirmed.apart, confirmed.copies

A pair that is farther apart than a bound by the picture's contrast is none. That alone does not make a copy: how far
two different parts are apart depends on the part, the camera and the light. Each picture of a pair that is left is
therefore also compared with those that look most like it, five more than it has possible copies: of these at least five
are other parts, and a copy is nearer than 0.6 of what the third farthest is. Distances are remembered by the pixels of
both pictures.
"""

import struct
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.alignment import distance, prepare
from brevetti_keras.data.leaks.candidates import Pairs
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.reading import in_threads
from brevetti_keras.data.leaks.signature import Floats, orientations
from brevetti_keras.data.leaks.work_pictures import WorkPictures

NEARER = 0.6
_BOUND = 1.0
_BOUND_OF_CONTRAST = 0.05
_BOUND_OF_PLAIN = 0.25
_OTHERS = 5
_FARTHEST = 3
_COMPARED = 4096
_BATCH = 128
_PREFIX = "distance-2"

_Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Confirmation:
    """What pixel by pixel comparison says of each pair.

    Attributes:
        distance: (pairs,) grey levels between the two, aligned.
        apart: (pairs,) grey levels between either and the others that look most like it, the smaller of both; NaN where
            there are too few others to tell, and then the bound alone decides, and beyond the bound.
        copies: (pairs,) whether they are copies.
    """

    distance: Floats
    apart: Floats
    copies: npt.NDArray[np.bool_]


def confirm(
    pairs: Pairs,
    paths: Sequence[str],
    pixels: Sequence[str],
    details: npt.NDArray[np.int8],
    contrasts: Sequence[float],
    memory: ContentMemory,
) -> Confirmation:
    """Compares the pictures of each pair, and each with others.

    Args:
        pairs: of indices into the following.
        paths: one a picture.
        pixels: hash of each picture.
        details: (pictures, side, side).
        contrasts: standard deviation of each picture's grey values.
        memory: of distances.
    """
    if not len(pairs.first):
        nothing = np.zeros(0, np.float32)
        return Confirmation(nothing, nothing, np.zeros(0, np.bool_))
    triples = list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.orientation.tolist(), strict=True))
    pictures = WorkPictures(paths)
    between = _measure(triples, pictures, pixels, memory)
    distances = np.array([between[triple] for triple in triples], np.float32)
    plainer = np.minimum(np.asarray(contrasts)[pairs.first], np.asarray(contrasts)[pairs.second])
    # Of pictures that are nearly plain, two that have nothing to do with each other are a grey level apart.
    bound = np.maximum(np.minimum(_BOUND, _BOUND_OF_PLAIN * plainer), _BOUND_OF_CONTRAST * plainer)
    within = [triple for triple, near in zip(triples, distances <= bound, strict=True) if near]
    others = _others(within, details)
    asked = dict.fromkeys((one, other, way) for one, found in others.items() for other, way in found)
    measured = _measure(list(asked), pictures, pixels, memory)
    far = {one: _third_farthest([measured[one, *other] for other in found]) for one, found in others.items()}
    unknown = float("nan")
    apart = np.array([np.fmin(far.get(one, unknown), far.get(other, unknown)) for one, other, _ in triples], np.float32)
    return Confirmation(distances, apart, distances <= np.fmin(bound, NEARER * apart))


def _third_farthest(distances: Sequence[float]) -> float:
    return sorted(distances)[-_FARTHEST] if len(distances) >= _FARTHEST else float("nan")


def _others(triples: Sequence[_Triple], details: npt.NDArray[np.int8]) -> dict[int, list[tuple[int, int]]]:
    """Returns for each picture of a pair those that look most like it, five more than it has partners, and how it is to
    be turned for each; none where there are fewer than three more."""
    partners: dict[int, set[int]] = defaultdict(set)
    for one, other, _ in triples:
        partners[one].add(other)
        partners[other].add(one)
    count = len(details)
    pool = np.arange(count)
    if count > _COMPARED:
        pool = np.sort(np.random.default_rng(0).choice(count, _COMPARED, replace=False))
    against = _unit(details[pool])
    found: dict[int, list[tuple[int, int]]] = {}
    asked = sorted(partners)
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        alike = np.stack([_unit(turned) @ against.T for turned in orientations(details[batch])])
        ways, best = alike.argmax(axis=0), alike.max(axis=0)
        for one, row, way in zip(batch, best, ways, strict=True):
            wanted = len(partners[one]) + _OTHERS
            likeliest = np.argsort(-row, kind="stable")[: wanted + 1].tolist()
            compared = [(int(pool[at]), int(way[at])) for at in likeliest if int(pool[at]) != one][:wanted]
            found[one] = compared if len(compared) >= len(partners[one]) + _FARTHEST else []
    return found


def _unit(details: npt.NDArray[np.int8]) -> Floats:
    flat = details.reshape(len(details), -1).astype(np.float32)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat /= np.where(length > 0, length, 1)
    return flat


def _measure(
    triples: Sequence[_Triple], pictures: WorkPictures, pixels: Sequence[str], memory: ContentMemory
) -> dict[_Triple, float]:
    keys = {triple: f"{_PREFIX}:{pixels[triple[0]]}:{pixels[triple[1]]}:{triple[2]}" for triple in triples}
    known = memory.recall(list(keys.values()))
    measured = {triple: struct.unpack("<d", known[key])[0] for triple, key in keys.items() if key in known}
    missing = sorted(triple for triple in triples if triple not in measured)
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        measured.update(zip(batch, _distances(batch, pictures), strict=True))
        memory.remember({keys[triple]: struct.pack("<d", measured[triple]) for triple in batch})
    return measured


def _distances(batch: Sequence[_Triple], pictures: WorkPictures) -> list[float]:
    firsts, seconds = [(one, way) for one, _, way in batch], [(other, 0) for _, other, _ in batch]
    asked = list(dict.fromkeys(firsts + seconds))
    works = pictures.read([index for index, _ in asked])
    prepared = dict(zip(asked, in_threads(lambda one: prepare(works[one[0]], one[1]), asked), strict=True))
    return in_threads(
        lambda both: distance(prepared[both[0]], prepared[both[1]]), list(zip(firsts, seconds, strict=True))
    )
