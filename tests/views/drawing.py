"""What tests of pictures share."""

from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure


def renderer_of(figure: Figure) -> RendererBase:
    """What measures the texts of a figure that is not drawn."""
    width, height = FigureCanvasAgg(figure).get_width_height()
    return RendererAgg(width, height, figure.dpi)
