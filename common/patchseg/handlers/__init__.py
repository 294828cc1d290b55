"""ignite handlers for the bundles' trainers and evaluators."""

from patchseg.handlers.case_measures import CaseMeasures
from patchseg.handlers.click_measures import ClickMeasures
from patchseg.handlers.draw_rays import DrawRays
from patchseg.handlers.pictures import Pictures
from patchseg.handlers.progress import Progress
from patchseg.handlers.resume import Resume
from patchseg.handlers.seed_epochs import SeedEpochs
from patchseg.handlers.tracking import TrackSettings
from patchseg.handlers.training_log import TrainingLog
from patchseg.handlers.write_split import WriteSplit

__all__ = [
    "CaseMeasures",
    "ClickMeasures",
    "DrawRays",
    "Pictures",
    "Progress",
    "Resume",
    "SeedEpochs",
    "TrackSettings",
    "TrainingLog",
    "WriteSplit",
]
