"""What other tools call the keys and the spaces of a config, and what they are called here.

The spaces are those of Optuna, Ray Tune, Hyperopt and Weights & Biases.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("epochs", "num_epochs", "n_epochs", "max_epoch"), "trainer.max_epochs"),
    **dict.fromkeys(("batch", "bs", "batchsize"), "trainer.batch_size"),
    **dict.fromkeys(("learning_rate", "lrate"), "optimizer.lr"),
    **dict.fromkeys(("wd", "l2"), "optimizer.weight_decay"),
    **dict.fromkeys(("experiment", "hparams_search"), "experiments"),
    **dict.fromkeys(("dataset", "datamodule", "dataloader"), "data"),
    **dict.fromkeys(("net", "network", "arch", "backbone"), "model"),
    **dict.fromkeys(("optim", "opt"), "optimizer"),
    **dict.fromkeys(("lr_scheduler", "sched", "schedule"), "scheduler"),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function"), "loss"),
    **dict.fromkeys(("augment", "aug", "transforms"), "augmentation"),
    **dict.fromkeys(("n_trials", "num_trials", "num_samples"), "study.trials"),
    **dict.fromkeys(("n_jobs", "num_workers", "n_workers"), "study.workers"),
    **dict.fromkeys(("optimized_metric", "metric", "objective"), "study.objective"),
    **dict.fromkeys(("parameters", "params", "search_space"), "hydra.sweeper.params"),
    **dict.fromkeys(("gpus", "accelerator", "cuda"), "trainer.device"),
    **dict.fromkeys(("trials", "workers", "hours", "baseline"), "study."),
    **dict.fromkeys(("reduction", "kind", "position"), "model.attention."),
    "attention": "model.attention.kind",
    "ema_decay": "trainer.ema",
    "path": "data.path",
}
"""What a key is called elsewhere, and its name here; ending in a dot, the section that has it."""


def right_name(word: str) -> str | None:
    """The key that is called so elsewhere; None for all other words."""
    name = _NAMES.get(word.lower())
    return f"{name}{word}" if name is not None and name.endswith(".") else name


def right_space(value: Any) -> str | None:
    """A space in Hydra's grammar that elsewhere is written like this; None for all else."""
    if isinstance(value, str):
        return _of_call(value)
    return _of_mapping(value) if isinstance(value, Mapping) else None


# --- calls: loguniform(1e-4, 1e-1), tune.choice([1, 2]), trial.suggest_float("lr", 0.1, 1) ---

_CALL = re.compile(r"(?P<name>\w+(?:\.\w+)*)\((?P<arguments>.*)\)", re.DOTALL)

_HYDRAS = ("choice", "range", "interval", "tag", "int", "float", "str", "bool", "sort", "shuffle")
"""Calls that Hydra's grammar has itself."""


def _of_call(text: str) -> str | None:
    call = _CALL.fullmatch(text.strip())
    if call is None or call["name"] in _HYDRAS:
        return None
    name = re.sub(r"suggest|distribution|[^a-z]", "", call["name"].rpartition(".")[2].lower())
    try:
        parsed = ast.parse(f"_({call['arguments']})", mode="eval").body
    except SyntaxError:
        return None
    assert isinstance(parsed, ast.Call)  # noqa: S101  it has just been written so
    given = [ast.unparse(one) for one in parsed.args]
    named = {one.arg: ast.unparse(one.value) for one in parsed.keywords}
    first = parsed.args[0] if parsed.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        given = given[1:]  # the parameter's name
    if name in ("choice", "categorical", "gridsearch") and len(given) == 1:
        inner = parsed.args[-1]
        return _choice([ast.unparse(one) for one in getattr(inner, "elts", [inner])])
    low = given[0] if given else named.get("low", named.get("min", named.get("lower")))
    high = given[1] if given[1:] else named.get("high", named.get("max", named.get("upper")))
    if low is None or high is None:
        return None
    step = given[2] if name.startswith("q") and given[2:] else named.get("step", named.get("q"))
    is_log = "log" in name or named.get("log") == "True"
    if name in ("randint", "lograndint") and high.isdecimal():  # both leave the end out
        high = str(int(high) - 1)
    if "uniform" in name or name in ("float", "int", "randint", "lograndint", "interval"):
        return _numbers(low, high, is_log, "int" in name and name != "interval", step)
    return None


# --- mappings: {values: [...]}, {min: 1, max: 8}, {type: float, low: 0.1, high: 1, log: true} ---


def _of_mapping(value: Mapping[str, Any]) -> str | None:
    keys = set(map(str, value))
    kind = str(value.get("distribution", value.get("type", value.get("_type", "")))).lower()
    for name in ("values", "choices", "_value", "grid_search"):
        if isinstance(value.get(name), list) and keys <= {name, *_ABOUT}:
            return _choice([_text(one) for one in value[name]])
    if keys == {"value"}:
        return _text(value["value"])
    low, high = (value.get(a, value.get(b)) for a, b in (("low", "min"), ("high", "max")))
    if not keys <= {"low", "high", "min", "max", "log", "step", "q", *_ABOUT} or None in (
        low,
        high,
    ):
        return None
    step = value.get("step", value.get("q"))
    is_log = bool(value.get("log")) or "log" in kind
    is_int = "int" in kind or (not kind and isinstance(low, int) and isinstance(high, int))
    return _numbers(_text(low), _text(high), is_log, is_int, None if step is None else _text(step))


_ABOUT = ("type", "_type", "distribution")
"""Keys by which a mapping says what kind of space it is."""


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(_text, value))}]" if isinstance(value, list) else str(value)


def _choice(values: Sequence[str]) -> str:
    words = {"None": "null", "True": "true", "False": "false"}
    plain = [re.sub(r"""^(['"])([\w/.-]+)\1$""", r"\2", words.get(one, one)) for one in values]
    return ",".join(plain) if "null" in plain else f"choice({', '.join(plain)})"


def _numbers(low: str, high: str, is_log: bool, is_int: bool, step: str | None) -> str:
    if step is not None and not is_log:
        return f"range({low}, {high}, step={step})"
    space = f"interval({low}, {high})"
    space = f"int({space})" if is_int else space
    return f"tag(log, {space})" if is_log else space
