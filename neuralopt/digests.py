"""Short numbers that stand for rules: digests of their canonical texts."""

from hashlib import blake2b

DIGEST_BYTES = 8
"""Among a million rules, two digests are equal once in 40 million searches."""


def rule_digest(text: str) -> int:
    """Return the digest of a rule, a signed number of 64 bits.

    Args:
        text: Canonical text of the rule.

    Example:
        >>> rule_digest("g") == rule_digest("g"), rule_digest("g") == rule_digest("m")
        (True, False)
    """
    digest = blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()
    return int.from_bytes(digest, "little", signed=True)
