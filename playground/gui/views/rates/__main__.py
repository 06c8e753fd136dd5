"""Opens the search for a learning rate alone: ``python -m playground.gui.views.rates [preset] [--png FILE]``."""

import sys

from playground.gui.preview import Stage, preview
from playground.gui.views.rates.card import RateCard
from playground.training.protocol import TestRates


def begin(stage: Stage[RateCard]) -> None:
    stage.view.begin(stage.loop.newest)
    stage.session.send(TestRates())


if __name__ == "__main__":
    sys.exit(preview(RateCard, begin=begin))
