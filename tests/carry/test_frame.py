"""That a bundle knows all that a study remembers; found without training."""

import optuna

from ferlab.sweep.studies import remember
from ferlab.sweep.workers.portable import carried_study
from ferlab.sweep.workers.storage import open_storage
from tests.carry.made import ATTRS
from tests.sweep.test_study import settings


def test_a_bundle_takes_all_that_a_study_remembers() -> None:
    study = optuna.create_study(
        storage=open_storage(None, "made"), study_name="made", direction="maximize"
    )
    for key, value in ATTRS.items():
        study.set_user_attr(key, value)
    remember(study, settings(points=[{"seed": 1}]), 2, 3, "ferlab sweep made")
    frame = carried_study(study).user_attrs["frame"]
    assert frame == study.user_attrs["frame"]
    assert frame["listed"]
