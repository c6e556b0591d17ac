"""Whether two pictures that resemble each other are copies: told by how far each is from others of its kind.

    confirmed = confirm(pairs, paths, pixels, spectra, 128, memory)
    confirmed.distance, confirmed.apart, confirmed.copies

Two pictures that have nothing to do with each other are as far apart as there is structure in them; a copy is nearer
than 0.35 of that, and its frequencies agree. Pictures of one kind of part share their outlines, though. So each
picture of a pair that is left is also compared with those that look most like it, six more than it has copies beyond
doubt (nearer than 0.07 of the structure). Up to three more copies among these leave three that are other parts, and a
copy is nearer than half of what the third farthest is. All of these are ratios, so that they hold for any part, camera
and light. Where there are too few others to tell, copies are those beyond doubt. Comparisons are remembered by the
pixels of both pictures.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.alignment import Comparison, compare, prepare
from brevetti_keras.data.leaks.candidates import Pairs
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.reading import in_threads
from brevetti_keras.data.leaks.spectrum import TURNS, WAYS, Floats, Spectra
from brevetti_keras.data.leaks.work_pictures import WorkPictures

NEARER = 0.5
NEARER_THAN_STRUCTURE = 0.35
_BEYOND_DOUBT = 0.07
_LEAST_PEAK = 0.1
_OTHERS = 6
_FARTHEST = 3
_COMPARED = 4096
_BATCH = 128
_WINDOW = 2048
_PREFIX = "comparison-2"
_FORM = "<ddd?"

_Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Confirmation:
    """What pixel by pixel comparison says of each pair.

    Attributes:
        distance: (pairs,) grey levels between the two, aligned.
        apart: (pairs,) grey levels between either and the others that look most like it, the smaller of both; NaN where
            there are too few others to tell, and for pairs that are too far apart to be copies.
        orientation: (pairs,) how the first is to be turned, 0 to 7, see `turned`.
        copies: (pairs,) whether they are copies.
    """

    distance: Floats
    apart: Floats
    orientation: npt.NDArray[np.int64]
    copies: npt.NDArray[np.bool_]


def confirm(
    pairs: Pairs, paths: Sequence[str], pixels: Sequence[str], spectra: Spectra, side: int, memory: ContentMemory
) -> Confirmation:
    """Compares the pictures of each pair, and each with others.

    Args:
        pairs: of indices into the following.
        paths: one a picture.
        pixels: hash of each picture.
        spectra: (pictures, 33, 17).
        side: at which they are compared, see `work_side`.
        memory: of comparisons.
    """
    if not len(pairs.first):
        nothing = np.zeros(0, np.float32)
        return Confirmation(nothing, nothing, np.zeros(0, np.int64), np.zeros(0, np.bool_))
    triples = list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.way.tolist(), strict=True))
    pictures = WorkPictures(paths, side)
    measured = _measure(triples, pictures, pixels, memory)
    between = [measured[triple] for triple in triples]
    distances, own = (np.array([found[at] for found in between], np.float32) for at in (0, 1))
    fits = np.array([found.peak >= _LEAST_PEAK for found in between])
    within, sure = (fits & (distances < share * own) for share in (NEARER_THAN_STRUCTURE, _BEYOND_DOUBT))
    others = _others(pairs, within, sure, spectra)
    asked = dict.fromkeys((one, other, way) for one, found in others.items() for other, way in found)
    measured = _measure(list(asked), pictures, pixels, memory)
    far = {one: _third_farthest([measured[one, *other].distance for other in found]) for one, found in others.items()}
    unknown = float("nan")
    apart = np.array([np.fmin(far.get(one, unknown), far.get(other, unknown)) for one, other, _ in triples], np.float32)
    orientation = pairs.way ^ np.array([2 * found.half_turned for found in between])
    nearer = np.where(np.isnan(apart), sure, distances < NEARER * apart)
    return Confirmation(distances, apart, orientation, within & nearer)


def _third_farthest(distances: Sequence[float]) -> float:
    return sorted(distances)[-_FARTHEST] if len(distances) >= _FARTHEST else float("nan")


def _others(
    pairs: Pairs, within: npt.NDArray[np.bool_], sure: npt.NDArray[np.bool_], spectra: Spectra
) -> dict[int, list[tuple[int, int]]]:
    """Returns for each picture of a pair within the bound those that look most like it, six more than it has copies
    beyond doubt, and how it is to be turned for each; none where there are fewer than three more."""
    partners = dict.fromkeys(np.concatenate([pairs.first[within], pairs.second[within]]).tolist(), 0)
    for one in np.concatenate([pairs.first[sure], pairs.second[sure]]).tolist():
        partners[one] += 1
    count = len(spectra)
    flat = spectra.reshape(count, TURNS.shape[1])
    pool = np.arange(count)
    if count > _COMPARED:
        pool = np.sort(np.random.default_rng(0).choice(count, _COMPARED, replace=False))
    against = _unit(flat[pool])
    found: dict[int, list[tuple[int, int]]] = {}
    asked = sorted(partners)
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        alike = np.stack([_unit(flat[batch][:, turn]) @ against.T for turn in TURNS])
        ways, best = alike.argmax(axis=0), alike.max(axis=0)
        for one, row, way in zip(batch, best, ways, strict=True):
            wanted = partners[one] + _OTHERS
            likeliest = np.argsort(-row, kind="stable")[: wanted + 1].tolist()
            compared = [(int(pool[at]), WAYS[way[at]]) for at in likeliest if int(pool[at]) != one][:wanted]
            found[one] = compared if len(compared) >= partners[one] + _FARTHEST else []
    return found


def _unit(flat: Spectra) -> Floats:
    values = flat.astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def _measure(
    triples: Sequence[_Triple], pictures: WorkPictures, pixels: Sequence[str], memory: ContentMemory
) -> dict[_Triple, Comparison]:
    keys = {
        triple: f"{_PREFIX}-{pictures.side}:{pixels[triple[0]]}:{pixels[triple[1]]}:{triple[2]}" for triple in triples
    }
    known = memory.recall(list(keys.values()))
    measured = {triple: Comparison(*struct.unpack(_FORM, known[key])) for triple, key in keys.items() if key in known}
    missing = sorted(triple for triple in triples if triple not in measured)
    for start in range(0, len(missing), _WINDOW):
        window = missing[start : start + _WINDOW]
        for at in range(0, len(window), _BATCH):
            batch = window[at : at + _BATCH]
            measured.update(zip(batch, _comparisons(batch, pictures), strict=True))
        memory.remember({keys[triple]: struct.pack(_FORM, *measured[triple]) for triple in window})
    return measured


def _comparisons(batch: Sequence[_Triple], pictures: WorkPictures) -> list[Comparison]:
    firsts, seconds = [(one, way) for one, _, way in batch], [(other, 0) for _, other, _ in batch]
    asked = list(dict.fromkeys(firsts + seconds))
    works = pictures.read([index for index, _ in asked])
    prepared = dict(zip(asked, in_threads(lambda one: prepare(works[one[0]], one[1]), asked), strict=True))
    return in_threads(
        lambda both: compare(prepared[both[0]], prepared[both[1]]), list(zip(firsts, seconds, strict=True))
    )
