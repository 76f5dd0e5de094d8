"""Combinations of values that cannot be, though each value by itself could.

A rule reads the config with the values taken out that were reported before; a KeyError ends it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ferlab.config.problems import Problem, did_you_mean
from ferlab.config.schema import KNOWN

Raw = Mapping[str, Any]


def _targets_exist(raw: Raw) -> Iterator[Problem]:
    for section, known in KNOWN.items():
        target = raw.get(section, {}).get("_target_", "")
        if target.startswith("ferlab.") and target not in known:
            yield Problem(
                f"{section}._target_",
                f"ferlab has no {section} '{target}'; {did_you_mean(target, known)}",
            )


def _own_model(raw: Raw) -> Mapping[str, Any]:
    """The section of a network of ferlab's; another's keys are its own affair."""
    model: Mapping[str, Any] = raw["model"]
    if model["_target_"] not in KNOWN["model"]:
        raise KeyError
    return model


def _one_kernel_per_convolution(raw: Raw) -> Iterator[Problem]:
    for i, stage in enumerate(_own_model(raw)["stages"]):
        where = f"model.stages[{i}].kernels"
        if len(stage["kernels"]) != len(stage["widths"]):
            yield Problem(
                where, f"{len(stage['kernels'])} kernels for {len(stage['widths'])} convolutions"
            )
        if any(kernel % 2 == 0 for kernel in stage["kernels"]):
            yield Problem(where, f"must be odd to keep the image's size, not {stage['kernels']}")


def _image_survives(raw: Raw) -> Iterator[Problem]:
    size = 48
    for i, stage in enumerate(_own_model(raw)["stages"]):
        size = -(-size // stage["stride"]) // stage["pool"]
        if size < 1:
            yield Problem(
                f"model.stages[{i}]", "strides and pools up to here leave nothing of 48x48 pixels"
            )
            return


def _attended_stages_exist(raw: Raw) -> Iterator[Problem]:
    model = _own_model(raw)
    attention, count = model["attention"], len(model["stages"])
    if attention["kind"] == "none" or attention["stages"] == "all":
        return
    for stage in attention["stages"]:
        if stage > count:
            yield Problem(
                "model.attention.stages", f"there is no stage {stage}; the model has 1-{count}"
            )
    if len(set(attention["stages"])) < len(attention["stages"]):
        yield Problem("model.attention.stages", f"a stage stands twice in {attention['stages']}")
    if not attention["stages"]:
        yield Problem("model.attention.stages", "is empty; for no attention say kind=none")


def _reduction_leaves_a_unit(raw: Raw) -> Iterator[Problem]:
    model = _own_model(raw)
    attention, stages = model["attention"], model["stages"]
    if attention["kind"] == "none":
        return
    chosen = attention["stages"]
    for number, stage in enumerate(stages, start=1):
        width = stage["widths"][-1]
        if (chosen == "all" or number in chosen) and attention["reduction"] > width:
            yield Problem(
                "model.attention.reduction",
                f"{attention['reduction']} leaves no hidden unit in stage {number} "
                f"of {width} channels; it can be at most {width}",
            )


def _as_many_classes_as_the_data(raw: Raw) -> Iterator[Problem]:
    if raw["data"]["_target_"] in KNOWN["data"] and raw["model"]["classes"] != 7:
        yield Problem("model.classes", f"{raw['model']['classes']}, but the data has 7 classes")


def _fold_exists(raw: Raw) -> Iterator[Problem]:
    data = raw["data"]
    if data["split"] == "kfold" and data["fold"] >= data["folds"]:
        yield Problem("data.fold", f"{data['fold']} of folds 0-{data['folds'] - 1}")


def _seed_split_has_its_files(raw: Raw) -> Iterator[Problem]:
    if raw["data"]["split"] == "seed" and raw["data"]["_target_"] == "ferlab.data.faces.draw":
        yield Problem("data.split", "the seed split is one of FER2013's files; say data=fer2013")


def _nesterov_has_momentum(raw: Raw) -> Iterator[Problem]:
    optimizer = raw["optimizer"]
    is_sgd = optimizer["_target_"] == "torch.optim.SGD"
    if is_sgd and optimizer["nesterov"] and optimizer["momentum"] == 0:
        yield Problem("optimizer.nesterov", "needs optimizer.momentum above 0")


def _precision_fits_device(raw: Raw) -> Iterator[Problem]:
    trainer = raw["trainer"]
    if trainer["precision"] == "16-mixed" and trainer["device"] == "cpu":
        yield Problem("trainer.precision", "16-mixed needs a GPU; on the CPU take 32-true")


RULES: tuple[Callable[[Raw], Iterator[Problem]], ...] = (
    _targets_exist,
    _one_kernel_per_convolution,
    _image_survives,
    _attended_stages_exist,
    _reduction_leaves_a_unit,
    _as_many_classes_as_the_data,
    _fold_exists,
    _seed_split_has_its_files,
    _nesterov_has_momentum,
    _precision_fits_device,
)
