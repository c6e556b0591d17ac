"""`find_leaks`: which samples are copies of which, and by what figure.

    found = find_leaks(samples)
    found.groups            # (rows,) text, "" for a sample that is alone
    found.pairs             # one row a link, with its reason and figures
    found.unreadable        # path and reason

Signatures of all files → equal pixels are one picture → pictures that resemble each other → those confirmed pixel by
pixel are linked, the surest first, as long as no cluster grows beyond its limit → a group is named by its pixels, so it
is the same whatever the order of rows.
"""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from brevetti_keras.data.leaks.candidates import Pairs, similar_pairs
from brevetti_keras.data.leaks.confirmation import Confirmation, confirm
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.reading import Signatures, read_signatures, with_text
from brevetti_keras.data.leaks.signature import work_side
from brevetti_keras.data.leaks.spectrum import SPECTRUM_SHAPE
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import InvalidInputError

_log = logging.getLogger(__name__)

EQUAL = "equal pixels"
NEAR = "near-duplicate"
ORIENTATIONS = (
    "as it is", "turned 90°", "turned 180°", "turned 270°",
    "mirrored", "turned 90°, mirrored", "turned 180°, mirrored", "turned 270°, mirrored",
)  # fmt: skip
PAIR_COLUMNS = ("first", "second", "reason", "orientation", "similarity", "distance", "apart", "joined")
_NAMED = 5
_NAME_LENGTH = 16


@dataclass(frozen=True)
class Leaks:
    """What was found.

    Attributes:
        groups: a text a row of the samples, on their index: equal for copies, `""` for samples alone.
        pairs: what joins them, see `find_leak_pairs`.
        unreadable: columns path, reason.
        signatures: by path.
    """

    groups: "pd.Series[str]"
    pairs: pd.DataFrame
    unreadable: pd.DataFrame
    signatures: Signatures


def find_leaks(
    samples: pd.DataFrame, max_cluster: int = 50, memory: ContentMemory | None = None, progress: bool = True
) -> Leaks:
    """Finds copies among samples.

    Args:
        samples: with `path`, and `etag` to remember their pictures by.
        max_cluster: near-duplicates are not joined to more samples than this; equal pixels always are.
        memory: by default the one in the cache folder.
        progress: show a bar on a terminal while files are decoded.

    Raises:
        InvalidInputError: for samples without `path`, or a limit below 2.
    """
    if type(max_cluster) is not int or max_cluster < 2:
        raise InvalidInputError(f"expected max_cluster as a count of at least 2, received {max_cluster!r}")
    samples = with_text(samples)
    memory = memory or ContentMemory()
    read = read_signatures(samples, memory, progress)
    _tell_unreadable(read)
    pixels = samples["path"].map({path: found.pixels for path, found in read.signatures.items()})
    firsts = samples["path"].groupby(pixels).min().sort_index()
    paths, hashes = firsts.tolist(), [str(name) for name in firsts.index]
    spectra = np.array([read.signatures[path].spectrum for path in paths], np.float16).reshape(-1, *SPECTRUM_SHAPE)
    side = work_side(read.signatures.values())
    candidates = similar_pairs(spectra)
    confirmed = confirm(candidates, paths, hashes, spectra, side, memory)
    counts = samples["path"].groupby(pixels).size().sort_index().tolist()
    near = _near_pairs(candidates, confirmed, paths)
    names, near["joined"] = _clusters(candidates, confirmed, hashes, counts, max_cluster)
    near = near[confirmed.copies]
    _tell_left_out(near, max_cluster)
    groups = pixels.map(dict(zip(hashes, names, strict=True))).fillna("").astype("str")
    pairs = pd.concat([_equal_pairs(samples, pixels, firsts), near], ignore_index=True)[[*PAIR_COLUMNS]]
    unreadable = pd.DataFrame(sorted(read.unreadable.items()), columns=["path", "reason"], dtype="str")
    return Leaks(groups, pairs, unreadable, read)


def find_leak_groups(
    samples: pd.DataFrame, max_cluster: int = 50, *, column: str = "leak_group", progress: bool = True
) -> pd.DataFrame:
    """Returns the samples with a column that is equal for copies: equal pixels, and near-duplicates.

    Copies re-encoded, turned by quarter turns, mirrored, a little brighter, shifted by a few pixels or resized are
    near-duplicates; two pictures of parts that merely look alike are not. `SampleSplit` keeps a group together.

    Args:
        samples: with `path`, and `etag` to remember their pictures by; pictures known by their etag are not decoded
            again.
        max_cluster: near-duplicates are not joined to more samples than this, the surest first; equal pixels always
            are.
        column: where the groups go.
        progress: show a bar on a terminal while files are decoded.

    Returns:
        A new frame; `column` is text, `""` for samples that are alone and for files that cannot be read, which the log
        names.

    Raises:
        InvalidInputError: for samples without `path`, or a limit below 2.
    """
    found = find_leaks(samples, max_cluster, progress=progress)
    return samples.assign(**{column: found.groups})


def find_leak_pairs(samples: pd.DataFrame, max_cluster: int = 50, *, progress: bool = True) -> pd.DataFrame:
    """Returns what `find_leak_groups` joins, so that each group can be retraced.

    Args:
        samples: see `find_leak_groups`.
        max_cluster: see `find_leak_groups`.
        progress: see `find_leak_groups`.

    Returns:
        One row a link: `first` and `second` (paths), `reason` ("equal pixels" or "near-duplicate"), `orientation` (how
        the first is to be turned), `similarity` (cosine of what is their own), `distance` (grey levels between them,
        aligned), `apart` (grey levels between them and the most similar others, NaN where there are too few), `joined`
        (false where the limit of a cluster left the link out).

    Raises:
        InvalidInputError: see `find_leak_groups`.
    """
    return find_leaks(samples, max_cluster, progress=progress).pairs


def _equal_pairs(samples: pd.DataFrame, pixels: "pd.Series[str]", firsts: "pd.Series[str]") -> pd.DataFrame:
    frame = pd.DataFrame({"first": pixels.map(firsts), "second": samples["path"]})[pixels.notna()]
    frame = frame[frame["first"] != frame["second"]].drop_duplicates().sort_values(["first", "second"])
    return equal_pairs(frame["first"], frame["second"])


def equal_pairs(first: "pd.Series[str]", second: "pd.Series[str]") -> pd.DataFrame:
    """Returns pairs of paths as `find_leak_pairs` lists those of equal pixels."""
    return pd.DataFrame({"first": first, "second": second}).assign(
        reason=EQUAL, orientation=ORIENTATIONS[0], similarity=1.0, distance=0.0, apart=np.nan, joined=True
    )


def _near_pairs(pairs: Pairs, confirmed: Confirmation, paths: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "first": pd.Series([paths[index] for index in pairs.first], dtype="str"),
            "second": pd.Series([paths[index] for index in pairs.second], dtype="str"),
            "reason": pd.Series(NEAR, index=range(len(pairs.first)), dtype="str"),
            "orientation": pd.Series([ORIENTATIONS[way] for way in confirmed.orientation], dtype="str"),
            "similarity": pairs.similarity.astype(np.float64),
            "distance": confirmed.distance.astype(np.float64),
            "apart": confirmed.apart.astype(np.float64),
        }
    )


def _clusters(
    pairs: Pairs, confirmed: Confirmation, hashes: list[str], counts: list[int], limit: int,
) -> tuple[list[str], list[bool]]:  # fmt: skip
    """Joins pictures by their links, the surest first, and returns each picture's group and whether a link counts."""
    parent, sizes = list(range(len(hashes))), list(counts)

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    joined = [False] * len(pairs.first)
    surest = np.lexsort((pairs.second, pairs.first, confirmed.distance))
    for link in surest[confirmed.copies[surest]].tolist():
        one, other = sorted((root(int(pairs.first[link])), root(int(pairs.second[link]))))
        if one == other or sizes[one] + sizes[other] <= limit:
            joined[link] = True
            if one != other:
                parent[other] = one
                sizes[one] += sizes[other]
    roots = [root(index) for index in range(len(hashes))]
    return [hashes[top][:_NAME_LENGTH] if sizes[top] > 1 else "" for top in roots], joined


def _tell_unreadable(read: Signatures) -> None:
    if read.unreadable:
        named = "; ".join(f"{path}: {reason}" for path, reason in sorted(read.unreadable.items())[:_NAMED])
        more = "; …" if len(read.unreadable) > _NAMED else ""
        told = counted(len(read.unreadable), "file cannot be read and gets", "files cannot be read and get")
        _log.warning("%s no leak group: %s%s", told, named, more)


def _tell_left_out(near: pd.DataFrame, limit: int) -> None:
    left_out = near[~near["joined"]]
    if len(left_out):
        pair = left_out.iloc[0]
        _log.warning(
            "left out %s that would make clusters of more than %d samples: %s and %s are the surest; find_leak_pairs"
            " lists all",
            counted(len(left_out), "near-duplicate link"), limit, pair["first"], pair["second"],
        )  # fmt: skip
