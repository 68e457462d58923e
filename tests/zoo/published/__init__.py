"""Published facts of the systems, written by hand from papers, model cards and released configurations.

`sublayers` is keyed by stack.block.sublayer. Parameters are in millions; sources stand in the zoo files.
"""

from tests.zoo.published import articles, catalogue, history
from tests.zoo.published.totals import PARAMETERS

__all__ = ["PARAMETERS", "PUBLISHED"]

PUBLISHED = catalogue.ROWS | articles.ROWS | history.ROWS
