"""States whether fake quantization and integer hardware give the same results.

Langille 2024 assumes that they do and measures only fake quantization. The whole text here is
derived from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .differences import TensorDifference
from .measure import PARTS
from .rows import ALL, MODELS, Row
from .tables import Results, display_name
from .words import amount, of_images, one_in, percent, place

__all__ = ["Claim", "Facts", "claim", "labels"]

_STRENGTHS = (  # upper bound on the share of decisions, and the statement for it
    (0.001, "It holds nearly, for decisions: fewer than one in a thousand differ"),
    (0.01, "It holds roughly, for decisions: fewer than one in a hundred differ"),
    (0.05, "It holds only loosely, for decisions: fewer than one in twenty differ"),
    (1.01, "It does not hold: one decision in twenty, or more, may differ"),
)


@dataclass(frozen=True)
class Facts:
    """Statements about one network: a column of a table."""

    name: str
    entries: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "; ".join(f"{label}: {text}" for label, text in self.entries.items())


def labels(columns: Sequence[Facts]) -> list[str]:
    """Merge the labels of all columns, preserving each column's order.

    Examples
    --------
    >>> labels([Facts("a", {"x": "1", "z": "2"}), Facts("b", {"x": "1", "y": "3", "z": "2"})])
    ['x', 'y', 'z']
    """
    found: list[str] = []
    for column in columns:
        place = 0
        for label in column.entries:
            if label not in found:
                found.insert(place, label)
            place = found.index(label) + 1
    return found


@dataclass(frozen=True)
class Claim:
    """The page's text.

    Parameters
    ----------
    verdict : str
    hardware : tuple of Facts
        Per network: fake quantization with frozen scales against true INT8.
    observers : tuple of Facts
        The same for live observers: difference from the hardware, and the effect of freezing.
    missing : tuple of str
        Missing statements, with reasons.
    """

    verdict: str
    hardware: tuple[Facts, ...]
    observers: tuple[Facts, ...]
    missing: tuple[str, ...]


def claim(rows: Iterable[Row], differences: Iterable[TensorDifference], images: int) -> Claim:
    """Return the claim, as far as the rows support it.

    Parameters
    ----------
    rows : iterable of Row
        From `maccord.study.measure.measure_all`.
    differences : iterable of TensorDifference
    images : int
        Images at each level, at least 1.
    """
    results = Results(rows)
    lines = list(differences)
    networks = [_Network(results, network, lines, images) for network in results.networks]
    compared = [network for network in networks if network.series("frozen", "decided_differently")]
    return Claim(
        _verdict(compared, images),
        tuple(network.hardware() for network in compared),
        tuple(found for network in networks if (found := network.observers()).entries),
        tuple(_missing(results, lines)),
    )


def _missing(results: Results, differences: Sequence[TensorDifference]) -> list[str]:
    absent = [model for model in MODELS if model not in results.models]
    found = []
    if absent:
        found.append(f"Not run, and left out of all figures: {', '.join(absent)}.")
    if not differences:
        found.append("Activations were not compared: nothing is said of where the two part.")
    if results.networks and not results.levels("clean"):
        found.append("Clean images were not run.")
    return found


def _verdict(networks: Sequence[_Network], images: int) -> str:
    if not networks:
        return (
            "Nothing can be said of the claim: it takes fake quantization with frozen scales and "
            "true INT8, and no level has both."
        )
    decisions = sum(images * len(network.decided) for network in networks)
    changed = sum(network.changed for network in networks)
    count = f"{changed:,} of {decisions:,} decisions differ"
    if changed:
        worst = max(networks, key=lambda network: network.bound)
        how = next(text for limit, text in _STRENGTHS if worst.bound < limit)
        who = f" (by the upper end of {worst.name}'s interval)" if len(networks) > 1 else ""
        share = f"{percent(changed / decisions)}, {one_in(changed / decisions)}"
        return f"{how}{who}. With the same frozen scales, {count} ({share})."
    if any(network.any_difference for network in networks):
        return f"It holds for every decision, but not for every value: {count}, numbers inside do."
    if all(network.saw_activations for network in networks):
        return f"It holds exactly: {count}, and not one activation code does."
    return f"It holds as far as logits show: {count}, and not one logit does."


class _Network:
    """One network's figures, and statements derived from them."""

    def __init__(
        self, results: Results, network: str, lines: Sequence[TensorDifference], images: int
    ) -> None:
        self.results = results
        self.network = network
        self.name = display_name(network)
        self.images = images
        self.lines = [line for line in lines if line.network == network]
        self.decided = self.series("frozen", "decided_differently")

    def series(self, model: str, metric: str) -> list[Row]:
        """Return a figure at every level that has one."""
        found = (self.results.row(self.network, model, *at, metric) for at in self.results.places)
        return [row for row in found if row]

    def over_levels(self, model: str, metric: str) -> Row | None:
        return self.results.row(self.network, model, ALL, 0.0, metric)

    @property
    def changed(self) -> int:
        """Number of differing decisions over all levels."""
        return sum(round(row.value * self.images) for row in self.decided)

    @property
    def bound(self) -> float:
        """Upper end of the interval of the share over all levels, or at the worst level."""
        whole = self.over_levels("frozen", "decided_differently")
        return whole.high if whole else max(row.high for row in self.decided)

    @property
    def saw_activations(self) -> bool:
        return bool(self.series("frozen", "activations_differ"))

    @property
    def any_difference(self) -> bool:
        metrics = ("logits_differ", "activations_differ")
        rows = (row for metric in metrics for row in self.series("frozen", metric))
        return any(row.value for row in rows) or any(line.differing for line in self.lines)

    def hardware(self) -> Facts:
        """Compare fake quantization with frozen scales to true INT8."""
        parts = (self._decisions("frozen"), self._values(), self._accuracy(), self._parting())
        return Facts(self.name, {label: text for part in parts for label, text in part.items()})

    def _decisions(self, model: str) -> dict[str, str]:
        decided = self.series(model, "decided_differently")
        changed = sum(round(row.value * self.images) for row in decided)
        total = self.images * len(decided)
        if not changed:
            excluded = f"a share above {of_images(self.images)} is excluded at 95 %"
            return {"decisions that differ": f"none of {total:,}; at each level, {excluded}"}
        whole = self.over_levels(model, "decided_differently")
        share = amount(whole) if whole else percent(changed / total)
        worst = max(decided, key=lambda row: row.value)
        return {
            "decisions that differ": f"{changed:,} of {total:,}, {share}",
            "most differ at": f"{place(worst.perturbation, worst.level)}: {amount(worst)}",
        }

    def _values(self) -> dict[str, str]:
        found = {}
        for metric, what in (
            ("logits_differ", "images with another logit, by level"),
            ("logit_bits", "bits of the logits that differ, by level"),
            ("activations_differ", "activation codes that differ, by level"),
        ):
            rows = self.series("frozen", metric)
            if rows:
                found[what] = _range(rows)
        largest = max((line.largest for line in self.lines), default=0)
        return found | ({"largest difference of a code": str(largest)} if largest else {})

    def _accuracy(self) -> dict[str, str]:
        row = self.over_levels("int8", "top1_minus_frozen")
        if not row:
            return {}
        none = row.low <= 0 <= row.high
        told = "contains 0: no effect can be told" if none else "leaves 0 out"
        same = row.low == row.high == 0
        text = "the same" if same else f"{amount(row)}; the interval {told}"
        return {"top-1 accuracy, INT8 against fake": text}

    def _parting(self) -> dict[str, str]:
        counts: dict[str, int] = {}
        for line in self.lines:
            counts[line.tensor] = counts.get(line.tensor, 0) + line.images_parting_here
        parted = sum(counts.values())
        if not parted:
            return {"first tensor that differs": "none"} if self.lines else {}
        first = max(counts, key=lambda tensor: counts[tensor])
        share = percent(counts[first] / parted)
        return {
            "first tensor that differs": f"{first}, in {share} of the images that part",
            "images that part there, by level": _range(self.series("frozen", PARTS + first)),
            "images that never part, by level": _range(self.series("frozen", PARTS)),
        }

    def observers(self) -> Facts:
        """Compare live observers to the hardware and to frozen scales; empty without any."""
        compared = bool(self.series("live", "decided_differently"))
        found = self._decisions("live") if compared else {}
        freezing = self._freezing()
        if compared or freezing:
            found |= freezing | self._near_fp32()
        return Facts(self.name, found)

    def _freezing(self) -> dict[str, str]:
        rows = self.series("frozen", "top1_minus_live")
        if not rows:
            return {}
        lower, higher = ([r for r in rows if r.high < 0], [r for r in rows if r.low > 0])
        found = {
            "freezing makes top-1 lower": f"at {len(lower)} of {len(rows)} levels",
            "freezing makes top-1 higher": f"at {len(higher)} of {len(rows)} levels",
        }
        whole = self.over_levels("frozen", "top1_minus_live")
        if whole:
            found["change over all levels"] = amount(whole)
        if lower:
            found |= self._extreme("lost", min(lower, key=lambda row: row.value))
        if higher:
            found |= self._extreme("gained", max(higher, key=lambda row: row.value))
        return found

    def _extreme(self, what: str, row: Row) -> dict[str, str]:
        """Accuracies where freezing has the largest effect, and the effect of clamping alone."""
        at = (row.perturbation, row.level)
        found = [(model, self.results.row(self.network, model, *at, "top1")) for model in MODELS]
        shown = ", ".join(f"{model} {percent(top1.value)}" for model, top1 in found if top1)
        entries = {
            f"most is {what}": f"{amount(row)} at {place(*at)}",
            f"top-1 where most is {what}": shown,
        }
        clamped = self.results.row(self.network, "fp32-clamped", *at, "top1_minus_fp32")
        if not clamped:
            return entries
        share = clamped.value / row.value
        told = not clamped.low <= 0 <= clamped.high
        part = "nearly all" if share > 0.9 else "most" if share > 0.5 else "part"
        part = part if told and share > 0 else "none that can be told"
        text = f"{amount(clamped)}: {part} of that change"
        return entries | {f"clamping alone where most is {what}": text}

    def _near_fp32(self) -> dict[str, str]:
        found = {}
        for model, what in (("live", "live"), ("int8", "INT8")):
            rows = self.series(model, "top1_minus_fp32")
            if rows:
                worst = max(rows, key=lambda row: abs(row.value))
                at = place(worst.perturbation, worst.level)
                found[f"{what} against FP32, top-1, at most"] = f"{amount(worst)} at {at}"
        return found


def _range(rows: Sequence[Row]) -> str:
    """Format the lowest and highest figure over all levels, with their intervals' outer ends."""
    low, high = min(row.value for row in rows), max(row.value for row in rows)
    return (
        percent(low)
        if low == high
        else f"{percent(low)} to {percent(high)}".replace(" % to", " to")
    )
