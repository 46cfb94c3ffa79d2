"""The zoo's rules of tensor scope and of recent years, as other packages have them.

A reference is a function of parameters and a learning rate that returns an optimizer of
torch or of pytorch_optimizer, with the options that make it the rule's variant.
"""

import contextlib
import functools
import importlib
import importlib.util
from unittest import mock

import torch

from tests.optimizer.zoo_derivations import MATRICES_ONLY

has_package = importlib.util.find_spec("pytorch_optimizer") is not None


def torch_adafactor(params, lr):
    return torch.optim.Adafactor(params, lr, eps=(1e-30, 1e-3))


def torch_muon(adjust_lr_fn):
    def make(params, lr):
        return torch.optim.Muon(params, lr, 0.0, adjust_lr_fn=adjust_lr_fn)

    return make


OF_TORCH = {
    "adafactor": torch_adafactor,
    "muon": torch_muon("original"),
    "muon_match_rms": torch_muon("match_rms_adamw"),
}


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


OF_PACKAGE = {
    "adan": of_package("Adan"),
    "lion": of_package("Lion"),
    "adabelief": of_package("AdaBelief"),
    "laprop": of_package("LaProp", betas=(0.9, 0.999), foreach=False),
    "ademamix": of_package("AdEMAMix"),
    "ademamix_warmup": warm_ademamix,
    # It counts the first gradient, which only enters the second moment, as step 1.
    "adopt": of_package("ADOPT", clip_lambda=lambda step: (step - 1) ** 0.25),
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
    """Iterations of Newton and Schulz of torch and pytorch_optimizer in float64.

    Both have them in bfloat16.
    """
    name = "zero_power_via_newton_schulz_5"
    with contextlib.ExitStack() as stack:
        as_double = mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.double)
        stack.enter_context(as_double)
        for part in MUONS if has_package else ():
            module = importlib.import_module(f"pytorch_optimizer.optimizer.muon.{part}")
            if hasattr(module, name):
                function = functools.partial(getattr(module, name), dtype=torch.float64)
                stack.enter_context(mock.patch.object(module, name, function))
        yield


MUONS = ("base", "muon", "normuon", "adamuon")

FLATTENED = MATRICES_ONLY | {"adafactor", "came"}
"""Rules whose reference takes or factors matrices only: a convolution is flattened."""
