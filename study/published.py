"""Tables 4.1 to 4.18 of Langille 2024, as printed: values of FGVC-Aircraft's 70 families.

Three of the four tables of KL divergence are consistent with a mean over images. Table 4.18 is
not: its values are hundreds of times smaller than the divergence of clean images in table 4.2.
Appendix B sums over as many images as there are levels, then divides by 3,333. Table 4.18, but not
tables 4.6, 4.10 and 4.14, is consistent with such a sum of five images divided by 3,333. `SLIP`
corrects it: a value times `SLIP` is the mean over those five images.
"""

from __future__ import annotations

__all__ = [
    "IMAGES",
    "SLIP",
    "SLIPPED",
    "TABLES",
    "THESIS_NETWORKS",
    "largest_departure",
    "published",
]

THESIS_NETWORKS = {"squeezenet1_1": "SqueezeNet1.1", "resnet18": "ResNet-18", "vgg16": "VGG-16"}
IMAGES = 3333  # in the test split
SLIPPED = "4.18"
SLIP = IMAGES / 5

_PERTURBATIONS = ("awgn", "brownian", "vertical", "horizontal")
_METRICS = ("top1", "top5", "f1", "kl")
TABLES = {  # one perturbation and one figure each
    f"4.{3 + 4 * row + column}": (perturbation, metric)
    for row, perturbation in enumerate(_PERTURBATIONS)
    for column, metric in enumerate(_METRICS)
}
"""Perturbation and figure of tables 4.3 to 4.18."""

# Level or its label, then FP32 and INT8 for each network, in the order of THESIS_NETWORKS
_PRINTED = {
    "4.1": """
        top1 0.6268 0.6250 0.7204 0.7192 0.7843 0.7828
        top5 0.8866 0.8866 0.9241 0.9256 0.9487 0.9475
        f1 0.6287 0.6268 0.7153 0.7145 0.7835 0.7828
    """,
    "4.2": """
        squeezenet1_1 0.0138
        resnet18 0.0082
        vgg16 0.0182
    """,
    "4.3": """
        0.1 0.6115 0.6082 0.7117 0.7117 0.7777 0.7795
        0.2 0.5206 0.5257 0.6268 0.6193 0.7024 0.7033
        0.3 0.3723 0.3789 0.4686 0.4656 0.5407 0.5323
        0.4 0.2337 0.2430 0.2973 0.2997 0.3408 0.3345
        0.5 0.1386 0.1464 0.1782 0.1755 0.1806 0.1734
        0.6 0.0939 0.0945 0.1107 0.1038 0.0975 0.0987
        0.8 0.0741 0.0747 0.0663 0.0648 0.0480 0.0471
        1.0 0.0753 0.0720 0.0552 0.0585 0.0402 0.0408
    """,
    "4.4": """
        0.1 0.8794 0.8830 0.9208 0.9190 0.9415 0.9406
        0.2 0.8245 0.8254 0.8791 0.8725 0.9118 0.9031
        0.3 0.7012 0.7111 0.7624 0.7537 0.8185 0.8137
        0.4 0.5158 0.5287 0.5851 0.5734 0.6463 0.6385
        0.5 0.3459 0.3555 0.4245 0.4101 0.4737 0.4734
        0.6 0.2424 0.2463 0.3096 0.2934 0.3456 0.3426
        0.8 0.1755 0.1764 0.2136 0.2127 0.2439 0.2424
        1.0 0.1605 0.1608 0.2076 0.2025 0.2142 0.2217
    """,
    "4.5": """
        0.1 0.6149 0.6128 0.7126 0.7131 0.7792 0.7817
        0.2 0.5314 0.5330 0.6380 0.6312 0.7106 0.7126
        0.3 0.3758 0.3821 0.4893 0.4874 0.5554 0.5478
        0.4 0.2159 0.2297 0.3061 0.3093 0.3589 0.3527
        0.5 0.1047 0.1146 0.1667 0.1613 0.1876 0.1796
        0.6 0.0489 0.0511 0.0875 0.0825 0.0882 0.0902
        0.8 0.0190 0.0216 0.0315 0.0304 0.0229 0.0215
        1.0 0.0164 0.0167 0.0165 0.0170 0.0072 0.0074
    """,
    "4.6": """
        0.1 0.0412 0.0325 0.0496
        0.2 0.1043 0.0838 0.1424
        0.3 0.1672 0.1435 0.2554
        0.4 0.1926 0.2030 0.3375
        0.5 0.1722 0.2145 0.2961
        0.6 0.1280 0.2052 0.2216
        0.8 0.0641 0.1526 0.1076
        1.0 0.0374 0.1043 0.0546
    """,
    "4.7": """
        10 0.6058 0.6067 0.6916 0.6805 0.7795 0.7756
        20 0.5470 0.5560 0.6076 0.6043 0.7720 0.7558
        30 0.4599 0.4548 0.5242 0.5335 0.7414 0.7309
        40 0.3867 0.3753 0.4458 0.4380 0.7069 0.6925
        50 0.3174 0.3072 0.3738 0.3816 0.6529 0.6523
        60 0.2604 0.2577 0.3147 0.3177 0.6034 0.5998
        70 0.2016 0.2184 0.2619 0.2682 0.5473 0.5503
        80 0.1755 0.1818 0.2271 0.2286 0.4836 0.4764
    """,
    "4.8": """
        10 0.8728 0.8800 0.9046 0.9025 0.9427 0.9427
        20 0.8386 0.8416 0.8563 0.8617 0.9328 0.9331
        30 0.7816 0.7783 0.7996 0.8062 0.9175 0.9187
        40 0.7138 0.7066 0.7279 0.7342 0.9037 0.8983
        50 0.6433 0.6343 0.6529 0.6718 0.8791 0.8737
        60 0.5680 0.5572 0.5986 0.5950 0.8356 0.8407
        70 0.4914 0.5011 0.5371 0.5491 0.8059 0.7978
        80 0.4344 0.4398 0.4884 0.4836 0.7606 0.7534
    """,
    "4.9": """
        10 0.6062 0.6084 0.6883 0.6773 0.7793 0.7759
        20 0.5505 0.5587 0.6044 0.6024 0.7716 0.7557
        30 0.4634 0.4579 0.5176 0.5318 0.7404 0.7301
        40 0.3828 0.3693 0.4407 0.4335 0.7083 0.6938
        50 0.3036 0.2923 0.3578 0.3685 0.6546 0.6549
        60 0.2387 0.2310 0.2979 0.3019 0.6051 0.6040
        70 0.1716 0.1876 0.2411 0.2448 0.5523 0.5562
        80 0.1369 0.1462 0.2020 0.2018 0.4878 0.4786
    """,
    "4.10": """
        10 0.2467 0.1967 0.1046
        20 0.6221 0.4133 0.2727
        30 1.0892 0.6193 0.4699
        40 1.4975 0.7471 0.7132
        50 1.8430 0.9018 1.0345
        60 2.1109 1.0067 1.2726
        70 2.2820 1.1416 1.5653
        80 2.3271 1.2215 1.6631
    """,
    "4.11": """
        2 0.3696 0.3729 0.4812 0.4746 0.4887 0.4830
        3 0.2268 0.2343 0.3894 0.3756 0.3228 0.3213
        4 0.1992 0.1980 0.2985 0.2898 0.2268 0.2244
        5 0.1122 0.1134 0.2157 0.2115 0.1665 0.1638
        6 0.0651 0.0630 0.1758 0.1725 0.1317 0.1263
    """,
    "4.12": """
        2 0.7273 0.7324 0.7831 0.7810 0.7786 0.7798
        3 0.5521 0.5485 0.7018 0.6970 0.6373 0.6358
        4 0.4749 0.4740 0.6022 0.5887 0.5305 0.5227
        5 0.3243 0.3246 0.4866 0.4794 0.4125 0.4113
        6 0.1953 0.1953 0.4182 0.4113 0.3444 0.3333
    """,
    "4.13": """
        2 0.3689 0.3700 0.4727 0.4657 0.4807 0.4742
        3 0.2134 0.2178 0.3841 0.3677 0.3117 0.3083
        4 0.1885 0.1883 0.2814 0.2713 0.2002 0.1953
        5 0.0937 0.0960 0.1924 0.1871 0.1237 0.1203
        6 0.0384 0.0367 0.1622 0.1577 0.0911 0.0868
    """,
    "4.14": """
        2 0.0281 0.0136 0.0600
        3 0.0311 0.0140 0.0636
        4 0.0263 0.0129 0.0576
        5 0.0228 0.0113 0.0480
        6 0.0223 0.0116 0.0413
    """,
    "4.15": """
        2 0.4899 0.4854 0.6169 0.6157 0.6556 0.6469
        3 0.4485 0.4506 0.5491 0.5512 0.5896 0.5815
        4 0.3558 0.3483 0.4644 0.4614 0.4578 0.4548
        5 0.3225 0.3222 0.4086 0.4110 0.3945 0.3894
        6 0.2745 0.2691 0.3384 0.3414 0.3129 0.3084
    """,
    "4.16": """
        2 0.8167 0.8161 0.8812 0.8815 0.8989 0.8959
        3 0.7858 0.7846 0.8296 0.8308 0.8584 0.8557
        4 0.7078 0.7102 0.7747 0.7798 0.7696 0.7669
        5 0.6832 0.6811 0.7156 0.7195 0.7195 0.7105
        6 0.6241 0.6190 0.6448 0.6469 0.6391 0.6343
    """,
    "4.17": """
        2 0.5060 0.5013 0.6141 0.6135 0.6623 0.6546
        3 0.4624 0.4655 0.5492 0.5523 0.5954 0.5868
        4 0.3741 0.3672 0.4696 0.4653 0.4585 0.4559
        5 0.3459 0.3453 0.4133 0.4134 0.3968 0.3913
        6 0.2841 0.2775 0.3435 0.3465 0.3080 0.3005
    """,
    "4.18": """
        2 3.4174e-05 2.5758e-05 8.5424e-05
        3 7.7996e-05 2.0273e-05 1.8579e-05
        4 5.5599e-05 1.2955e-05 2.8390e-05
        5 2.5089e-05 4.1308e-05 2.1092e-05
        6 1.4481e-05 1.5461e-05 1.9827e-05
    """,
}

Key = tuple[str, float, str, str, str]  # perturbation, level, metric, network, model


def _read() -> dict[Key, float]:
    found: dict[Key, float] = {}
    pairs = [(network, model) for network in THESIS_NETWORKS for model in ("fp32", "int8")]
    for number, text in _PRINTED.items():
        for line in text.strip().splitlines():
            head, *numbers = line.split()
            if number == "4.1":
                places = [("clean", 0.0, head, *pair) for pair in pairs]
            elif number == "4.2":
                places = [("clean", 0.0, "kl", head, "int8")]
            else:
                perturbation, metric = TABLES[number]
                own = [pair for pair in pairs if metric != "kl" or pair[1] == "int8"]
                places = [(perturbation, float(head), metric, *pair) for pair in own]
            found |= dict(zip(places, map(float, numbers), strict=True))
    return found


_VALUES = _read()


def published(
    perturbation: str, level: float, metric: str, network: str, model: str
) -> float | None:
    """Return the printed value, or None if there is none.

    Parameters
    ----------
    perturbation : str
    level : float
        0 for ``clean``.
    metric : str
        ``top1``, ``top5``, ``f1`` (its average is not stated) or ``kl``, FP32 || INT8.
    network : str
        One of `THESIS_NETWORKS`.
    model : str
        ``fp32`` or ``int8``; KL divergences are under ``int8``.

    Examples
    --------
    >>> published("awgn", 0.1, "top1", "vgg16", "int8")
    0.7795
    """
    return _VALUES.get((perturbation, level, metric, network, model))


def largest_departure() -> float:
    """Largest absolute printed difference of top-1 between INT8 and FP32.

    Examples
    --------
    >>> round(largest_departure(), 4)
    0.0168
    """
    return max(
        abs(value - _VALUES[perturbation, level, metric, network, "fp32"])
        for (perturbation, level, metric, network, model), value in _VALUES.items()
        if metric == "top1" and model == "int8"
    )
