"""Whether two pictures that resemble each other are copies: told by how far each is from others of its kind.

    confirmed = confirm(pairs, paths, pixels, details, contrasts, memory)
    confirmed.distance, confirmed.apart, confirmed.copies

How far two different parts are apart depends on the part, the camera and the light, so no fixed number tells. Each
picture of a pair is therefore also compared with those that look most like it, five more than it has possible copies:
of these at least five are other parts, and a copy is nearer than 0.6 of what the third farthest is. Where a kind of
part is so rare that only other kinds remain to compare with, a bound by the picture's contrast holds as well. Distances
are remembered by the pixels of both pictures.
"""

import struct
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.leaks.alignment import distance
from brevetti_keras.data.leaks.candidates import Pairs
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.reading import in_threads, local_path
from brevetti_keras.data.leaks.signature import Floats, as_grey, orientations, work_picture

NEARER = 0.6
_BOUND = 1.0
_BOUND_OF_CONTRAST = 0.05
_OTHERS = 5
_FARTHEST = 3
_COMPARED = 4096
_BATCH = 256
_PREFIX = "distance-1"

_Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Confirmation:
    """What pixel by pixel comparison says of each pair.

    Attributes:
        distance: (pairs,) grey levels between the two, aligned.
        apart: (pairs,) grey levels between either and the others that look most like it, the smaller of both; NaN where
            there are too few others to tell, and then the bound alone decides.
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
    others = _others(triples, details)
    asked = dict.fromkeys(triples)
    asked.update(dict.fromkeys((one, other, way) for one, found in others.items() for other, way in found))
    measured = _measure(list(asked), paths, pixels, memory)
    far = {one: _third_farthest([measured[one, *other] for other in found]) for one, found in others.items()}
    between = np.array([measured[triple] for triple in triples], np.float32)
    apart = np.array([np.fmin(far[one], far[other]) for one, other, _ in triples], np.float32)
    plainer = np.minimum(np.asarray(contrasts)[pairs.first], np.asarray(contrasts)[pairs.second])
    limit = np.fmin(np.maximum(_BOUND, _BOUND_OF_CONTRAST * plainer), NEARER * apart)
    return Confirmation(between, apart, between <= limit)


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
    triples: Sequence[_Triple], paths: Sequence[str], pixels: Sequence[str], memory: ContentMemory
) -> dict[_Triple, float]:
    keys = {triple: f"{_PREFIX}:{pixels[triple[0]]}:{pixels[triple[1]]}:{triple[2]}" for triple in triples}
    known = memory.recall(list(keys.values()))
    measured = {triple: struct.unpack("<d", known[key])[0] for triple, key in keys.items() if key in known}
    missing = sorted(triple for triple in triples if triple not in measured)
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        needed = sorted({index for one, other, _ in batch for index in (one, other)})
        pictures = dict(zip(needed, in_threads(_picture, [paths[index] for index in needed]), strict=True))
        found = in_threads(_distance, [(pictures[one], pictures[other], way) for one, other, way in batch])
        measured.update(zip(batch, found, strict=True))
        memory.remember({keys[triple]: struct.pack("<d", measured[triple]) for triple in batch})
    return measured


def _distance(asked: tuple[Floats, Floats, int]) -> float:
    return distance(*asked)


def _picture(path: str) -> Floats:
    return work_picture(as_grey(read_image(local_path(path))))
