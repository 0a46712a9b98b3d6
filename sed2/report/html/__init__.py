"""Results as one self-contained HTML page: nothing is loaded from anywhere, names stay text.

The page holds the document of `--json`, from which its scripts draw, and the tables of the
terminal. Without scripts the tables and a still figure are there.
"""

from sed2.report.html.compute import compute_page
from sed2.report.html.gate import gate_page
from sed2.report.html.ranking import rank_page

__all__ = ["compute_page", "gate_page", "rank_page"]
