"""Which points are cheap enough to be trained at all."""

from ferlab.config import Config
from ferlab.config.study import Constraints
from ferlab.errors import ConfigError
from ferlab.study.params import Params, identity
from ferlab.sweep.search.trial_configs import TrialConfigs

_OTHER_SECTIONS = frozenset(Config.model_fields) - {"model"}
"""Of a config; what is swept in them leaves the network as it is."""

_VIEWS = ("trainer", "trainer.views")
"""What is swept here leaves the network as it is, but not how often it scores an image."""


class Feasibility:
    """Says of a point of the space whether its network keeps within the study's constraints.

    Args:
        constraints: what a network may cost.
        configs: of the points.
    """

    def __init__(self, constraints: Constraints, configs: TrialConfigs) -> None:
        self._constraints = constraints
        self._configs = configs
        self._known: dict[str, bool] = {}

    def __call__(self, params: Params) -> bool:
        """Build the network and count; each distinct network once, not each point."""
        if self._constraints.parameters is None and self._constraints.multiply_adds is None:
            return True
        key = identity({k: v for k, v in params.items() if _may_change_the_cost(k)})
        if key not in self._known:
            try:
                config = self._configs(params)
            except ConfigError:
                return True  # it has no network to count: let its trial fail, and say why
            self._known[key] = self._is_within(config)
        return self._known[key]

    def _is_within(self, config: Config) -> bool:
        from ferlab.models import classifier, cost  # noqa: PLC0415  torch, where it is needed

        network, vouched = config.model.network(), config.targets()
        built = classifier.build_allowed(network, 0.0, 1.0, vouched, config.trainer.views)
        most, views = self._constraints, len(built.views)
        return (most.parameters is None or cost.parameters(built) <= most.parameters) and (
            most.multiply_adds is None
            or views * cost.multiply_adds(built.network) <= most.multiply_adds
        )


def _may_change_the_cost(key: str) -> bool:
    """Whether a network may cost otherwise under another value; a section holds its own keys."""
    section = key.lstrip("/").partition(".")[0].partition("/")[0]
    return section not in _OTHER_SECTIONS or key.lstrip("/") in _VIEWS
