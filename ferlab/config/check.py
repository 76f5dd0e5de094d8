"""Every problem of a config at once, each in a line that says what would be right."""

import copy
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ferlab.config.schema import KNOWN, Config
from ferlab.errors import ConfigError

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """What is wrong with one value, and where it stands."""

    path: str
    message: str


def check(raw: Mapping[str, Any], problems: Sequence[Problem] = ()) -> Config:
    """Type and check a composed config.

    Args:
        raw: nested plain containers, interpolations resolved.
        problems: found before, to be reported together with the rest.

    Raises:
        ConfigError: one message that lists every problem.
    """
    rest = copy.deepcopy(dict(raw))
    found = [*problems, *_take_missing(rest)]
    config = None
    try:
        config = Config.model_validate(rest)
    except ValidationError as error:
        for detail in error.errors():
            path = _path(detail["loc"])
            if detail["type"] == "missing" and any(p.path == dotted(path) for p in found):
                continue
            found.append(Problem(dotted(path), _explain(path, detail)))
            _remove(rest, path)
    for rule in RULES:
        try:
            found.extend(rule(rest))
        except KeyError:
            continue  # what the rule looks at is missing or was reported above
    if config is None or found:
        raise ConfigError(report(found))
    return config


def report(problems: Iterable[Problem]) -> str:
    """One message out of all problems; a single one takes a single line."""
    lines = [f"{path}: {message}" if path else message for path, message in dict.fromkeys(problems)]
    if len(lines) == 1:
        return f"config: {lines[0]}"
    return "\n  ".join([f"config: {len(lines)} problems", *lines])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the likeliest intended word, or the list of all when none is near."""
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known are {', '.join(options)}" if options else "none is known"


def dotted(path: Path) -> str:
    """``("model", "stages", 0, "pool")`` -> ``model.stages[0].pool``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted keys: ``{"a": {"b": 1}}`` -> ``{"a.b": 1}``; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


# --- types and keys -----------------------------------------------------------------------

_TAGS = {"plugin"}.union(*KNOWN.values())


def _path(location: Path) -> Path:
    """Pydantic's location without the schema choices that it passes through."""
    return tuple(part for part in location if part not in _TAGS)


def _explain(path: Path, detail: Any) -> str:
    value, kind = detail["input"], detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {did_you_mean(str(path[-1]), _keys_beside(detail['loc']))}"
    if kind == "missing":
        return "is required"
    if kind == "model_type":
        return f"should be a group of keys, not {value!r}"
    context = detail.get("ctx", {})
    if kind == "literal_error":
        options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"cannot be {value!r}; {did_you_mean(str(value), options)}"
    text = detail["msg"].removeprefix("Input ")
    return f"{text}, not {value!r}"


_HOW_TO_GET_DATA = (
    "download the Kaggle data set msambare/fer2013 (archive.zip) or the challenge's fer2013.csv, "
    "then say data.path=/where/it/is"
)


def _take_missing(raw: dict[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Take out the values that the user must give and has not, each with its problem."""
    for key, value in list(raw.items()):
        here = (*path, key)
        if isinstance(value, dict):
            yield from _take_missing(value, here)
        elif value == "???":
            del raw[key]
            hint = f": {_HOW_TO_GET_DATA}" if here == ("data", "path") else ""
            yield Problem(dotted(here), f"is required{hint}")


def _keys_beside(location: Path) -> set[str]:
    """The keys that the schema knows where an unknown one stands."""
    schema: Any = Config
    for part in location[:-1]:
        if part in _TAGS:
            section = str(location[0])
            schema = KNOWN[section].get(str(part), schema)
        elif isinstance(part, str):
            schema = _field_type(schema, part)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return set()
    return {field.alias or name for name, field in schema.model_fields.items()}


def _field_type(schema: Any, name: str) -> Any:
    annotation = schema.model_fields[name].annotation
    return get_args(annotation)[0] if get_origin(annotation) is list else annotation


def _remove(raw: Any, path: Path) -> None:
    """Take a value that was reported out, so that the rules do not trip over it."""
    try:
        for part in path[:-1]:
            raw = raw[part]
        if isinstance(raw, dict):
            raw.pop(path[-1], None)
        else:
            raw.clear()
    except (KeyError, IndexError, TypeError, AttributeError):
        return  # it is gone already, or was never there


# --- impossible combinations --------------------------------------------------------------
# A rule reads the config with the reported values taken out; a KeyError ends it.

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
