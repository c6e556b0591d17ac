"""Pictures that may be copies of one another, out of very many, by their spectra alone.

    pairs = similar_pairs(spectra)          # rows of first, second, way, similarity

Pictures of one kind of part share most of what they show, and that says nothing. So the mean and the foremost principal
components that many pictures lie along are taken out. What is left of a picture is its own, and of two different parts
it is nearly orthogonal, however alike they look. Of spectra this also holds where parts, or a texture that fills the
frame, lie elsewhere in each picture. All pairs are compared in blocks of one matrix product, in the four ways that
spectra tell apart: hashing would need hundreds of tables at the similarity that a strongly compressed copy has.

Time is quadratic, but that of a matrix product: 100,000 pictures are 10¹³ operations. Memory is 2 KB a picture, and two
blocks of 64 MB.
"""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.spectrum import GAINS, TURNS, WAYS, Floats, Spectra, strengths
from brevetti_keras.utils.counting import counted

_log = logging.getLogger(__name__)

Indices = npt.NDArray[np.int64]

SIMILAR = 0.4
_KEPT = 20
_DIMENSIONS = 256
_COMMON = 32
_SPREAD = 16
_LEAST_SPREAD = 32
_FITTED = 8192
_FEW = 16
_NOTHING = 1e-9
_PLAIN = 1e-3
_DIFFERENT = 0.45
_COMPARED = 4096
_BLOCK_FLOATS = 1 << 24


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures, one a row; `first < second`.

    Attributes:
        first: (pairs,) index of the picture that is turned.
        second: (pairs,) index of the picture that it then resembles.
        way: (pairs,) 0, 1, 4 or 5, see `turned`; half a turn more may be needed.
        similarity: (pairs,) cosine of what is their own, in [-1, 1].
    """

    first: Indices
    second: Indices
    way: Indices
    similarity: Floats


def similar_pairs(spectra: Spectra, threshold: float = SIMILAR) -> Pairs:
    """Returns the pairs of pictures that resemble each other in some way they may lie, of each picture the nearest 20.

    Args:
        spectra: (pictures, 33, 17), see `spectrum_of`.
        threshold: least similarity.
    """
    count = len(spectra)
    flat = spectra.reshape(count, TURNS.shape[1])
    mean, basis = _own_space(flat)
    codes = _codes(flat, mean, basis)
    block = max(1, _BLOCK_FLOATS // max(1, count))
    found = []
    for start in range(0, count - 1, block):
        queries = np.stack([_codes(flat[start : start + block, turn], mean, basis) for turn in TURNS])
        found.append(_block_pairs(queries, codes[start:], start, threshold))
    parts = zip(*found, strict=True) if found else [[np.zeros(0)]] * 4
    first, second, similarity, left_out = (np.concatenate(part) for part in parts)
    if left_out.sum():
        _log.warning(
            "%s more than %d others: of those, the nearest %d are compared pixel by pixel, and %s not",
            counted(int(np.count_nonzero(left_out)), "picture resembles", "pictures resemble"), _KEPT, _KEPT,
            counted(int(left_out.sum()), "pair is", "pairs are"),
        )  # fmt: skip
    first, second = first.astype(np.int64), second.astype(np.int64)
    alike, ways = _alike(flat, first, second)
    return Pairs(first[alike], second[alike], ways[alike], similarity[alike].astype(np.float32))


def _alike(flat: Spectra, first: Indices, second: Indices) -> tuple[npt.NDArray[np.bool_], Indices]:
    """Returns which pairs may be nearer than 0.45 of the structure in them, as far as spectra tell, and in which way.

    Pictures of few pixels resemble each other far more often than they are copies, and to compare pixels costs most.
    """
    alike, ways = np.empty(len(first), np.bool_), np.empty(len(first), np.int64)
    for start in range(0, len(first), _COMPARED):
        part = slice(start, start + _COMPARED)
        ones, one = np.unique(first[part], return_inverse=True)
        others, other = np.unique(second[part], return_inverse=True)
        whole = strengths(flat[others].astype(np.float32))
        energy = (whole**2).sum(axis=1)
        rests = [_rest(strengths(flat[ones][:, turn].astype(np.float32)), one, whole, other, energy) for turn in TURNS]
        ways[part] = np.array(WAYS)[np.argmin(rests, axis=0)]
        alike[part] = np.min(rests, axis=0) <= _DIFFERENT**2 * energy[other]
    return alike, ways


def _rest(ones: Floats, one: Indices, others: Floats, other: Indices, energy: Floats) -> Floats:
    """Returns the squared distance of each pair of strengths, of equal brightness as far as a copy's may be changed."""
    own = (ones**2).sum(axis=1)[one]
    both = np.einsum("pf,pf->p", ones[one], others[other])
    gain = np.clip(both / np.maximum(own, np.finfo(np.float32).tiny), *GAINS)
    return np.asarray(gain**2 * own - 2 * gain * both + energy[other], np.float32)


def _own_space(flat: Spectra) -> tuple[Floats, Floats]:
    """Returns the mean spectrum, and the directions in which pictures differ on their own.

    Both are those of all pictures in all ways they may lie: else what the upright ones share would lie along the
    directions that a few turned ones take up, and every upright picture would resemble every other.
    """
    size = flat.shape[1]
    if len(flat) < _FEW:
        # Of so few, what they share cannot be told from what is their own: all of it is compared.
        return np.zeros(size, np.float32), np.eye(size, dtype=np.float32)
    if len(flat) > _FITTED:
        flat = flat[np.random.default_rng(0).choice(len(flat), _FITTED, replace=False)]
    values = flat.astype(np.float32)
    mean = values.mean(axis=0)[TURNS].mean(axis=0)
    values -= mean
    directions = _directions(values)
    own = np.ones(directions.shape[1], dtype=bool)
    # Copies share a direction too, but only they lie along it; what a kind of part has in common, many pictures do.
    own[:_COMMON] = _spread(values, directions[:, :_COMMON]) < max(_LEAST_SPREAD, len(flat) / _SPREAD)
    return mean, np.ascontiguousarray(directions[:, own][:, :_DIMENSIONS])


def _directions(values: Floats) -> Floats:
    """Returns the principal directions of centred rows in all ways, the foremost first, (size, directions)."""
    if len(TURNS) * len(values) >= values.shape[1]:
        upright = (values.T @ values).astype(np.float64)
        covariance = np.sum([upright[np.ix_(turn, turn)] for turn in TURNS], axis=0)
        return np.asarray(np.linalg.eigh(covariance)[1][:, ::-1], dtype=np.float32)
    # Of fewer rows than columns the other product has the same eigenvalues and is smaller.
    rows = np.concatenate([values[:, turn] for turn in TURNS]).astype(np.float64)
    sizes, across = (found[..., ::-1] for found in np.linalg.eigh(rows @ rows.T))
    directions = rows.T @ across[:, sizes > _NOTHING * sizes[0]]
    return np.asarray(directions / np.linalg.norm(directions, axis=0), dtype=np.float32)


def _spread(values: Floats, directions: Floats) -> Floats:
    """Returns of each direction how many pictures, in whatever way, lie along it."""
    total, of_squares = np.zeros((2, directions.shape[1]), np.float32)
    for turn in TURNS:
        # To turn the direction back is to turn the pictures.
        squares = (values @ directions[turn]) ** 2
        total += squares.sum(axis=0)
        of_squares += (squares**2).sum(axis=0)
    return np.asarray(total**2 / np.maximum(len(TURNS) * of_squares, np.finfo(np.float32).tiny), dtype=np.float32)


def _codes(flat: Spectra, mean: Floats, basis: Floats) -> Floats:
    """Returns each spectrum's coordinates, of length 1, or 0 for a picture that is plain."""
    codes = np.empty((len(flat), basis.shape[1]), np.float32)
    for start in range(0, len(flat), _FITTED):
        part = flat[start : start + _FITTED].astype(np.float32)
        plain = np.ptp(part, axis=1) <= _PLAIN
        code = (part - mean) @ basis
        length = np.linalg.norm(code, axis=1, keepdims=True)
        code /= np.where(length > 0, length, 1)
        code[plain] = 0
        codes[start : start + _FITTED] = code
    return codes


def _block_pairs(
    queries: Floats, codes: Floats, start: int, threshold: float
) -> tuple[Indices, Indices, Floats, Indices]:
    """Returns first, second and similarity of a block's pairs, and how many pairs of each picture are left out."""
    best = queries[0] @ codes.T
    product = np.empty_like(best)
    for query in queries[1:]:
        np.maximum(best, np.matmul(query, codes.T, out=product), out=best)
    # `codes` begins with the block itself, so that what stands right of the diagonal are later pictures.
    size = len(best)
    best[:, :size][np.tri(size, dtype=np.bool_)] = -1
    rows, columns = np.nonzero(best > threshold)
    order = np.lexsort((-best[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    kept = np.arange(len(rows)) - np.searchsorted(rows, rows) < _KEPT
    left_out = np.bincount(rows[~kept], minlength=size)
    rows, columns = rows[kept], columns[kept]
    return rows + start, columns + start, best[rows, columns], left_out
