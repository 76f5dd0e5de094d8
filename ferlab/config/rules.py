"""Combinations of values that cannot be, though each value by itself could.

A rule reads the config with the values taken out that were reported before; a KeyError ends it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ferlab.config.attention import KINDS
from ferlab.config.parts.data import Data
from ferlab.config.problems import Problem, did_you_mean
from ferlab.config.schema import KNOWN, known

Raw = Mapping[str, Any]


def _targets_exist(raw: Raw) -> Iterator[Problem]:
    for section, targets in KNOWN.items():
        target = raw.get(section, {}).get("_target_", "")
        if target.startswith("ferlab.") and target not in targets:
            yield Problem(
                f"{section}._target_",
                f"ferlab has no {section} '{target}'; {did_you_mean(target, targets)}",
            )


def _own(section: str, raw: Raw) -> Mapping[str, Any]:
    """A section whose target is ferlab's; a KeyError for a plug-in, whose keys are not checked."""
    values: Mapping[str, Any] = raw[section]
    if known(section, values) is None:
        raise KeyError(section)
    return values


def _one_kernel_per_convolution(raw: Raw) -> Iterator[Problem]:
    for i, stage in enumerate(_own("model", raw)["stages"]):
        where = f"model.stages[{i}].kernels"
        if len(stage["kernels"]) != len(stage["widths"]):
            yield Problem(
                where, f"{len(stage['kernels'])} kernels for {len(stage['widths'])} convolutions"
            )
        if any(kernel % 2 == 0 for kernel in stage["kernels"]):
            yield Problem(where, f"must be odd to keep the image's size, not {stage['kernels']}")


def _stem_keeps_the_size(raw: Raw) -> Iterator[Problem]:
    kernel = _own("model", raw)["stem"]["kernel"]
    if kernel % 2 == 0:
        yield Problem("model.stem.kernel", f"must be odd to keep the image's size, not {kernel}")


def _image_survives(raw: Raw) -> Iterator[Problem]:
    stage = _vanishes_at(_own("model", raw)["stages"], 48)
    if stage is not None:
        yield Problem(
            f"model.stages[{stage}]", "strides and pools up to here leave nothing of 48x48 pixels"
        )


def _vanishes_at(stages: Sequence[Mapping[str, Any]], size: int) -> int | None:
    """The stage, from 0, whose maps of an image of so many pixels have none left, if one has."""
    for i, stage in enumerate(stages):
        size = -(-size // stage["stride"]) // stage.get("pool", 1)
        if size < 1:
            return i
    return None


def _small_images_survive(raw: Raw) -> Iterator[Problem]:
    model, sizes = _own("model", raw), raw["trainer"]["resolutions"]
    small = min(sizes)
    if small == 48:
        return
    if model.get("head", {}).get("pool") == "flatten":
        text = f"{small} pixels need model.head.pool=average; a flattened head fits 48 alone"
        yield Problem("trainer.resolutions", text)
    if (stage := _vanishes_at(model["stages"], small)) is not None:
        text = f"strides and pools up to model.stages[{stage}] leave nothing of {small}x{small}"
        yield Problem("trainer.resolutions", f"{text} pixels")


def _epoch_for_each_resolution(raw: Raw) -> Iterator[Problem]:
    sizes, epochs = raw["trainer"]["resolutions"], raw["trainer"]["max_epochs"]
    if len(sizes) > epochs:
        text = f"{len(sizes)} sizes need an epoch each, and trainer.max_epochs is {epochs}"
        yield Problem("trainer.resolutions", text)


def _attended_stages_exist(raw: Raw) -> Iterator[Problem]:
    model = _own("model", raw)
    count, chosen = len(model["stages"]), model["attention"]["stages"]
    if chosen == "all":
        return
    for stage in chosen:
        if stage > count:
            yield Problem(
                "model.attention.stages", f"there is no stage {stage}; the model has 1-{count}"
            )
    if len(set(chosen)) < len(chosen):
        yield Problem("model.attention.stages", f"a stage stands twice in {chosen}")
    if not chosen:
        yield Problem("model.attention.stages", "is empty; for no attention say kind=none")


def _reduction_leaves_a_unit(raw: Raw) -> Iterator[Problem]:
    model = _own("model", raw)
    attention, stages = model["attention"], model["stages"]
    if not KINDS[attention["kind"]].has_reduction:
        return
    chosen = attention["stages"]
    for number, stage in enumerate(stages, start=1):
        width = _width(stage)
        if (chosen == "all" or number in chosen) and attention["reduction"] > width:
            yield Problem(
                "model.attention.reduction",
                f"{attention['reduction']} leaves no hidden unit in stage {number} "
                f"of {width} channels; it can be at most {width}",
            )


def _width(stage: Mapping[str, Any]) -> int:
    """Output channels of a stage, under the key that its network has for them."""
    return int(stage["widths"][-1] if "widths" in stage else stage["width"])


def _as_many_classes_as_the_data(raw: Raw) -> Iterator[Problem]:
    data, classes = known("data", raw["data"]), raw["model"]["classes"]
    count = data.count_classes(raw["data"]) if data and issubclass(data, Data) else None
    if count is not None and classes not in ("auto", count):
        yield Problem("model.classes", f"{classes}, but the data has {count} classes")


def _fold_exists(raw: Raw) -> Iterator[Problem]:
    data = raw["data"]
    if data["split"] in ("kfold", "holdout") and data["fold"] >= data["folds"]:
        yield Problem("data.fold", f"{data['fold']} of folds 0-{data['folds'] - 1}")


def _seed_split_has_its_files(raw: Raw) -> Iterator[Problem]:
    data = known("data", raw["data"])
    if raw["data"]["split"] == "seed" and not getattr(data, "has_seed_split", True):
        yield Problem("data.split", "the seed split is one of FER2013's files; say data=fer2013")


def _ferplus_has_its_votes(raw: Raw) -> Iterator[Problem]:
    data = raw["data"]
    if data["labels"] == "ferplus" and data["ferplus"] is None:
        text = "is required for labels=ferplus: fer2013new.csv of github.com/microsoft/FERPlus"
        yield Problem("data.ferplus", text)
    if data["labels"] == "original" and data["ferplus"] is not None:
        yield Problem("data.ferplus", "is read with data.labels=ferplus alone")


def _share_has_its_labels(raw: Raw) -> Iterator[Problem]:
    data = raw["data"]
    if data["soft_labels"] is None and data["soft_share"] != 1:
        yield Problem("data.soft_share", "is of data.soft_labels, which are not set")


def _nesterov_has_momentum(raw: Raw) -> Iterator[Problem]:
    optimizer = _own("optimizer", raw)
    if optimizer["nesterov"] and optimizer["momentum"] == 0:
        yield Problem("optimizer.nesterov", "needs optimizer.momentum above 0")


def _precision_fits_device(raw: Raw) -> Iterator[Problem]:
    trainer = raw["trainer"]
    if trainer["precision"] == "16-mixed" and trainer["device"] == "cpu":
        yield Problem("trainer.precision", "16-mixed needs a GPU; on the CPU take 32-true")


def _skipped_images_are_not_mixed(raw: Raw) -> Iterator[Problem]:
    augmentation = raw["augmentation"]
    if raw["trainer"]["skip_easy"] and (augmentation["mixup"] or augmentation["cutmix"]):
        text = "a mixed image has no loss of its own; leave out augmentation.mixup and cutmix"
        yield Problem("trainer.skip_easy", text)


RULES: tuple[Callable[[Raw], Iterator[Problem]], ...] = (
    _targets_exist,
    _one_kernel_per_convolution,
    _stem_keeps_the_size,
    _image_survives,
    _small_images_survive,
    _epoch_for_each_resolution,
    _attended_stages_exist,
    _reduction_leaves_a_unit,
    _as_many_classes_as_the_data,
    _fold_exists,
    _seed_split_has_its_files,
    _ferplus_has_its_votes,
    _share_has_its_labels,
    _nesterov_has_momentum,
    _precision_fits_device,
    _skipped_images_are_not_mixed,
)
