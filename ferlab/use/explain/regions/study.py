"""The networks of a confirmation, and the regions of the face that each goes by."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.analysis.classification import Floats
from ferlab.analysis.regions.compare import compare_regions
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.seeded import SeededRegions
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, begun
from ferlab.confirm.evidence import Runs
from ferlab.data.imageset import Split
from ferlab.errors import DataError, EvidenceError
from ferlab.reproduce.recorded_model import Loader, RecordedModel
from ferlab.sweep import studies
from ferlab.tracking.store import Client
from ferlab.use.explain.attribution import method_named
from ferlab.use.explain.regions.landmarks import find_landmarks, source_of
from ferlab.use.explain.regions.masks import Masks, region_masks
from ferlab.use.explain.regions.measure import RegionsUsed, measure

_SEED = 0
"""Of the choice of images, which is the same for all networks and each time."""

_FEWEST = 2
"""Images without which none can be told from another."""

_log = logging.getLogger("ferlab")


def measure_study(
    client: Client,
    study: str,
    storage: str | None,
    method: str,
    images: int,
    files: Mapping[str, str],
) -> MeasuredRegions:
    """Measure what each network of a confirmation goes by, on validation images.

    Args:
        client: of the tracking store that has its runs.
        study: the search that it confirmed.
        storage: where studies are kept; None for ferlab's home.
        method: of attribution; see `ferlab.use.explain.attribution.METHODS`.
        images: how many to take; all, where there are no more.
        files: where the data lies now; see `ferlab.reproduce.recorded_model.Loader.load`.

    Raises:
        FerlabError: there is no such confirmation, or it is not over; its models or data are gone
            or have changed; or no face is found in any image.
    """
    method_named(method)
    if images < _FEWEST:
        raise DataError(f"--images {images}: there must be {_FEWEST} at least")
    choice, runs = _confirmed(client, study, storage)
    loader = Loader(client)
    first = loader.load(next(iter(runs.values()))[0], files)
    faces = _faces(first, images)
    networks = [(name, entry) for name, entries in runs.items() for entry in entries]
    found: dict[str, list[RegionsUsed]] = defaultdict(list)
    started = time.monotonic()
    for number, (name, entry) in enumerate(networks, 1):
        classifier = loader.load(entry, files).classifier
        found[name].append(measure(classifier, faces.images, faces.labels, faces.masks, method))
        left = (time.monotonic() - started) / number * (len(networks) - number)
        seed, of = entry.tags["ferlab.seed"], len(networks)
        _log.info(
            "measured %d of %d networks: %s, seed %s; %.0f s left", number, of, name, seed, left
        )
    arms = [
        SeededRegions(
            name,
            tuple(int(entry.tags["ferlab.seed"]) for entry in runs[name]),
            np.stack([used.shares for used in each]),
            np.stack([used.drops for used in each]),
        )
        for name, each in found.items()
    ]
    return MeasuredRegions(
        study=study,
        method=method,
        split="validation",
        of=len(first.images.indices(Split.VAL)),
        images=len(faces.images),
        without=faces.without,
        source=source_of(first.config.data),
        flat=sum(used.flat for each in found.values() for used in each),
        comparison=compare_regions(arms, faces.areas, choice.plan.worth),
    )


def _confirmed(client: Client, study: str, storage: str | None) -> tuple[Choice, Runs]:
    """A confirmation that is over, and its runs.

    Raises:
        FerlabError: there is none of that study.
    """
    opened = studies.open_study(study, storage)
    if of := opened.user_attrs.get("about", {}).get("confirmation"):
        raise EvidenceError(f"'{study}' is itself the confirmation of '{of['study']}': name that")
    choice = begun(study, storage)
    if choice is None:
        raise EvidenceError(
            f"the study '{study}' has no confirmation, and a search has too few seeds to say what "
            f"its networks go by; ferlab confirm {study} makes one"
        )
    taken = evidence.looks_taken(client, choice, storage)
    if not looks.is_over(choice, taken):
        raise EvidenceError(
            f"the confirmation of '{study}' is not over: {len(taken)} of {len(choice.plan.looks)} "
            f"looks taken; ferlab confirm {study} goes on"
        )
    return choice, evidence.runs(client, choice, taken, storage)


@dataclass(frozen=True, eq=False)
class _Faces:
    """The images that are measured, n of them.

    Attributes:
        images: shape (n, 48, 48).
        labels: shape (n,).
        masks: of their regions.
        without: how many were left out for want of landmarks.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    masks: Masks
    without: int

    @property
    def areas(self) -> Floats:
        """The share of each image that each region covers, shape (n, r)."""
        return np.asarray(self.masks.mean(axis=(2, 3)), np.float64)


def _faces(model: RecordedModel, count: int) -> _Faces:
    """Choose images by chance, and find the regions of their faces."""
    every = model.images.indices(Split.VAL)
    index = np.sort(np.random.default_rng(_SEED).permutation(every)[:count])
    started = time.monotonic()
    landmarks = find_landmarks(model.config.data, model.images, index)
    is_known = np.isfinite(landmarks).all(axis=(1, 2))
    if not is_known.any():
        raise DataError(f"in none of {len(index):,} validation images a face is found")
    _log.info(
        "faces    in %s of %s images, %.0f s",
        f"{is_known.sum():,}", f"{len(index):,}", time.monotonic() - started,
    )  # fmt: skip
    kept = index[is_known]
    return _Faces(
        np.ascontiguousarray(model.images.images[kept]),
        model.images.labels[kept],
        region_masks(landmarks[is_known]),
        int((~is_known).sum()),
    )
