"""The zoo's rules of tensor scope and of recent years, as other packages have them.

A reference is a function of parameters and a learning rate that returns an optimizer of
torch or of pytorch_optimizer, with the options that make it the rule's variant.
"""

import contextlib
import functools
import importlib
from unittest import mock

import torch

from tests.optimizer.zoo_derivations import MATRICES_ONLY


def torch_adafactor(params, lr):
    return torch.optim.Adafactor(params, lr, eps=(1e-30, 1e-3))


OF_TORCH = {"adafactor": torch_adafactor}


def of_package(name, **options):
    def make(params, lr):
        kind = getattr(importlib.import_module("pytorch_optimizer"), name)
        return kind(params, lr=lr, **options)

    return make


def of_package_muon(name, **options):
    def make(params, lr):
        kind = getattr(importlib.import_module("pytorch_optimizer"), name)
        params = [{"params": list(params), "use_muon": True}]
        return kind(params, lr=lr, **options)

    return make


def warm_ademamix(params, lr, total_steps):
    return of_package("AdEMAMix", t_alpha_beta3=total_steps)(params, lr)


ADAM = {"betas": (0.9, 0.999)}

OF_PACKAGE = {
    "adabelief": of_package("AdaBelief"),
    "laprop": of_package("LaProp", betas=(0.9, 0.999), eps=1e-15),
    "ademamix": of_package("AdEMAMix"),
    "ademamix_warmup": warm_ademamix,
    "adopt": of_package("ADOPT"),
    "grams": of_package("Grams"),
    "schedule_free_sgd": of_package("ScheduleFreeSGD"),
    "schedule_free_adamw": of_package("ScheduleFreeAdamW"),
    "lars": of_package("LARS", weight_decay=1e-4),
    "novograd": of_package("NovoGrad"),
    "came": of_package("CAME"),
    "stableadamw": of_package("StableAdamW"),
    "adamp": of_package("AdamP"),
    "adanorm": of_package("AdaNorm"),
    # AdEMAMix without the slow momentum is AdamW.
    "cautious_adamw": of_package(
        "AdEMAMix", alpha=0.0, cautious=True, weight_decay=0.01, weight_decouple=True
    ),
    "cautious_lion": of_package("Lion", cautious=True),
    "mars": of_package("MARS", optimize_1d=True),
    "mars_lion": of_package("MARS", optimize_1d=True, mars_type="lion"),
    "muon": of_package_muon("Muon", weight_decay=0.0, nesterov=True, momentum=0.95),
    "muon_match_rms": of_package_muon(
        "Muon", weight_decay=0.0, nesterov=True, momentum=0.95, use_adjusted_lr=True
    ),
    "normuon": of_package_muon("NorMuon", weight_decay=0.0),
    "normuon_match_rms": of_package_muon(
        "NorMuon", weight_decay=0.0, update_scale="match_rms"
    ),
    "adamuon": of_package_muon("AdaMuon"),
}


@contextlib.contextmanager
def in_double():
    """Iterations of Newton and Schulz of pytorch_optimizer in float64, not bfloat16."""
    name = "zero_power_via_newton_schulz_5"
    parts = (f"pytorch_optimizer.optimizer.muon.{name}" for name in MUONS)
    with contextlib.ExitStack() as stack:
        for module in map(importlib.import_module, parts):
            if hasattr(module, name):
                function = functools.partial(getattr(module, name), dtype=torch.float64)
                stack.enter_context(mock.patch.object(module, name, function))
        yield


MUONS = ("base", "muon", "normuon", "adamuon")

FLATTENED = MATRICES_ONLY | {"adafactor", "came"}
"""Rules whose reference takes or factors matrices only: a convolution is flattened."""
