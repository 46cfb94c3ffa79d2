"""Curvature of a task's loss: Hessian-vector products, spectra, condition numbers."""

from neuralopt.curvature.along import CurvaturePoint as CurvaturePoint
from neuralopt.curvature.along import curvature_along as curvature_along
from neuralopt.curvature.child_loss import ChildLoss as ChildLoss
from neuralopt.curvature.effective import effective_conditions as effective_conditions
from neuralopt.curvature.lanczos import Lanczos as Lanczos
from neuralopt.curvature.lanczos import lanczos as lanczos
from neuralopt.curvature.lanczos import power_iteration as power_iteration
from neuralopt.curvature.spectrum import Spectrum as Spectrum
from neuralopt.curvature.spectrum import estimated_spectrum as estimated_spectrum
from neuralopt.curvature.spectrum import exact_spectrum as exact_spectrum
