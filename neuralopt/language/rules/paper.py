"""The rules of Bello et al. 2017: PowerSign, AddSign and the table of found rules."""

from collections.abc import Iterator

from neuralopt.language.rules.rule import PAPER, Row

RECALLED = f"{PAPER}, table of found rules (as recalled)"

AGREEMENT = "sign(g) * sign(m)"


def sign_agreement() -> Iterator[Row]:
    """PowerSign and AddSign: base or alpha, times decay of the agreement."""
    decays = {"": "", "_ld": "ld * ", "_cd": "cd * ", "_rd": "rd * "}
    for base, power in (("", "exp({})"), ("_2", "exp2({})"), ("_10", "10 ** ({})")):
        for suffix, decay in decays.items():
            exponent = power.format(decay + AGREEMENT)
            about = (
                f"The gradient times {base[1:] or 'e'} where it agrees with momentum"
            )
            yield (
                f"powersign{base}{suffix}",
                f"g * {exponent}",
                PAPER,
                1e-2 if base == "_10" else 1e-1,
                f"{about}, over it where not{_decay(suffix)}.",
            )
    for alpha in ("1", "2"):
        for suffix, decay in decays.items():
            name = "addsign" if alpha == "1" else f"addsign_{alpha}"
            yield (
                f"{name}{suffix}",
                f"g * ({alpha} + {decay}{AGREEMENT})",
                PAPER,
                1e-1,
                f"The gradient {int(alpha) + 1} times where momentum agrees, "
                f"{int(alpha) - 1} times where not{_decay(suffix)}.",
            )


def _decay(suffix: str) -> str:
    names = {"": "", "_ld": "linearly", "_cd": "by a cosine", "_rd": "with restarts"}
    return f"; the difference decays {names[suffix]}" if suffix else ""


def found() -> Iterator[Row]:
    """The paper's table of found rules, those that have no other name."""
    rows = (
        ("found_1", f"(exp({AGREEMENT}) + clip(g, 1e-4)) * g", 1e-1),
        ("found_2", "clip(m, 1e-4) * exp(v)", 1e1),
        ("found_3", "m * exp(v)", 1e-1),
        ("found_4", f"drop(g, 0.3) * exp({AGREEMENT})", 1e-1),
        ("found_5", "m * exp(g ** 2)", 1e-1),
        ("found_6", "drop(m, 0.1) / (exp(g ** 2) + 1e-8)", 1e-1),
        ("found_7", f"drop(g, 0.1) * exp({AGREEMENT})", 1e-1),
        ("found_8", "clip(rmsprop, 1e-5) + drop(m, 0.3)", 1e-1),
        ("adam_agreement", f"adam * exp({AGREEMENT})", 1e-3),
        ("found_9", "adam * exp(m)", 1e-3),
        ("found_10", "g + drop(m, 0.3)", 1e-1),
        ("found_11", "drop(m, 0.1) * exp(g ** 3)", 1e-1),
        ("found_12", "g - clip(g ** 2, 1e-4)", 1e-1),
        ("found_13", "exp(g) - exp(m)", 1e-1),
        ("found_14", "drop(m, 0.3) * exp(1e-3 * w)", 1e-1),
    )
    for name, text, lr in rows:
        yield name, text, RECALLED, lr, "Found by the paper's search."
