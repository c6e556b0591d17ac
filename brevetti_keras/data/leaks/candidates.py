"""Pictures that may be copies of one another, out of very many, by their details alone.

    pairs = similar_pairs(details)          # rows of first, second, orientation, similarity

Pictures of one kind of part share most of what they show, and that says nothing. So the mean and the foremost principal
components that many pictures lie along are taken out. What is left of a picture is its own, and of two different parts
it is nearly orthogonal, however alike they look. All pairs are compared in blocks of one matrix product in all eight
orientations: hashing would need hundreds of tables at the similarity that a strongly compressed copy has.

Time is quadratic, but that of a matrix product: 100,000 pictures are 2 × 10¹³ operations. Memory is 2 KB a picture,
and two blocks of 64 MB.
"""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.signature import Floats, orientations

_log = logging.getLogger(__name__)

Indices = npt.NDArray[np.int64]

SIMILAR = 0.42
_KEPT = 20
_DIMENSIONS = 256
_COMMON = 32
_SPREAD = 16
_FITTED = 8192
_FEW = 16
_NOTHING = 1e-9
_BLOCK_FLOATS = 1 << 24


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures, one a row; `first < second`.

    Attributes:
        first: (pairs,) index of the picture that is turned.
        second: (pairs,) index of the picture that it then resembles.
        orientation: (pairs,) 0 to 7, as `orientations` lists them.
        similarity: (pairs,) cosine of what is their own, in [-1, 1].
    """

    first: Indices
    second: Indices
    orientation: Indices
    similarity: Floats


def similar_pairs(details: npt.NDArray[np.int8], threshold: float = SIMILAR) -> Pairs:
    """Returns the pairs of pictures that resemble each other in some orientation, of each picture the nearest 20.

    Args:
        details: (pictures, side, side).
        threshold: least similarity.
    """
    count = len(details)
    mean, basis = _own_space(details)
    codes = _codes(details, mean, basis)
    block = max(1, _BLOCK_FLOATS // max(1, count))
    found = []
    for start in range(0, count - 1, block):
        turned = orientations(details[start : start + block])
        queries = _codes(turned.reshape(-1, *details.shape[1:]), mean, basis)
        found.append(_block_pairs(queries.reshape(8, turned.shape[1], codes.shape[1]), codes[start:], start, threshold))
    parts = zip(*found, strict=True) if found else [[np.zeros(0)]] * 5
    first, second, orientation, similarity, left_out = (np.concatenate(part) for part in parts)
    if left_out.sum():
        _log.warning(
            "%d pictures resemble more than %d others: of those, the nearest %d are compared pixel by pixel, and %d"
            " pairs are not", np.count_nonzero(left_out), _KEPT, _KEPT, left_out.sum(),
        )  # fmt: skip
    return Pairs(
        first.astype(np.int64), second.astype(np.int64), orientation.astype(np.int64), similarity.astype(np.float32)
    )


def _own_space(details: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Returns the mean detail, and the directions in which pictures differ on their own.

    Both are those of all pictures in all orientations: else what the upright ones share would lie along the directions
    that a few turned ones take up, and every upright picture would resemble every other.
    """
    size = details.shape[1] * details.shape[2]
    flat = details.reshape(len(details), size)
    if len(flat) < _FEW:
        # Of so few, what they share cannot be told from what is their own: all of it is compared.
        return np.zeros(size, np.float32), np.eye(size, dtype=np.float32)
    if len(flat) > _FITTED:
        flat = flat[np.random.default_rng(0).choice(len(flat), _FITTED, replace=False)]
    turns = orientations(np.arange(size).reshape(details.shape[1:])).reshape(8, size)
    values = flat.astype(np.float32)
    mean = values.mean(axis=0)[turns].mean(axis=0)
    values -= mean
    directions = _directions(values, turns)
    own = np.ones(directions.shape[1], dtype=bool)
    # Copies share a direction too, but only they lie along it; what a kind of part has in common, many pictures do.
    own[:_COMMON] = _spread(values, directions[:, :_COMMON], turns) < max(_SPREAD, len(flat) / _SPREAD)
    return mean, np.ascontiguousarray(directions[:, own][:, :_DIMENSIONS])


def _directions(values: Floats, turns: Indices) -> Floats:
    """Returns the principal directions of centred rows in all orientations, the foremost first, (size, directions)."""
    if 8 * len(values) >= values.shape[1]:
        upright = (values.T @ values).astype(np.float64)
        covariance = np.sum([upright[np.ix_(turn, turn)] for turn in turns], axis=0)
        return np.asarray(np.linalg.eigh(covariance)[1][:, ::-1], dtype=np.float32)
    # Of fewer rows than columns the other product has the same eigenvalues and is smaller.
    rows = np.concatenate([values[:, turn] for turn in turns]).astype(np.float64)
    sizes, across = (found[..., ::-1] for found in np.linalg.eigh(rows @ rows.T))
    directions = rows.T @ across[:, sizes > _NOTHING * sizes[0]]
    return np.asarray(directions / np.linalg.norm(directions, axis=0), dtype=np.float32)


def _spread(values: Floats, directions: Floats, turns: Indices) -> Floats:
    """Returns of each direction how many pictures, in whatever orientation, lie along it."""
    total, of_squares = np.zeros((2, directions.shape[1]), np.float32)
    for turn in turns:
        # To turn the direction back is to turn the pictures.
        squares = (values @ directions[turn]) ** 2
        total += squares.sum(axis=0)
        of_squares += (squares**2).sum(axis=0)
    return np.asarray(total**2 / np.maximum(8 * of_squares, np.finfo(np.float32).tiny), dtype=np.float32)


def _codes(details: npt.NDArray[np.int8], mean: Floats, basis: Floats) -> Floats:
    """Returns each detail's coordinates, of length 1, or 0 for a picture without any."""
    codes = np.empty((len(details), basis.shape[1]), np.float32)
    for start in range(0, len(details), _FITTED):
        part = details[start : start + _FITTED].reshape(-1, basis.shape[0]).astype(np.float32)
        plain = ~part.any(axis=1)
        code = (part - mean) @ basis
        length = np.linalg.norm(code, axis=1, keepdims=True)
        code /= np.where(length > 0, length, 1)
        code[plain] = 0
        codes[start : start + _FITTED] = code
    return codes


def _block_pairs(
    queries: Floats, codes: Floats, start: int, threshold: float
) -> tuple[Indices, Indices, Indices, Floats, Indices]:
    """Returns first, second, orientation and similarity of a block's pairs, and how many each picture has left out."""
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
    which = np.einsum("opd,pd->op", queries[:, rows], codes[columns]).argmax(axis=0)
    return rows + start, columns + start, which, best[rows, columns], left_out
