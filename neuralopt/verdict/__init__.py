"""Comparisons of candidates on the same fresh seeds.

How to read a verdict
---------------------
``better`` and ``worse`` say that the mean quality over seeds differs from that of the
reference, in a comparison that is wrong about *any* of its rows at most one time in
twenty. ``no difference shown`` says that these seeds do not decide; it never says that
two candidates are equal.

What is corrected for:

- *Many candidates.* All rows compared with the reference are one family (Holm 1979).
- *A reference that was chosen by looking.* The best of K baselines is the best partly
  by luck, so it looks better than it is. That makes ``better`` harder to earn, which is
  safe, and ``worse`` too easy: the p-value of ``worse`` is therefore multiplied by K. A
  reference named beforehand has K = 1.
- *Shared seeds.* Seed by seed all candidates meet the same initial weights and data
  order, so differences are taken within seeds (paired).

What no correction can repair:

- Qualities must come from seeds, and from a split of the data, that the search did not
  see. Qualities by which the candidates were selected make every found rule look good.
- The mean of the row that ends first of many is optimistic for the same reason. To
  quote it, score that one rule again, on further seeds and the test split.
- Intervals speak of seeds (initial weights, data order, noise) on this task; not of
  other data, other tasks or longer training.
- A rule that diverges once in ten runs shows no sign of it on five seeds three times
  in five. More seeds are the only remedy.
"""
