"""Whether fake quantization and integer hardware give the same results, in words.

Langille 2024 takes for granted that they do, and measures fake quantization only. Every word
here follows from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .differences import TensorDifference
from .measure import PARTS
from .published import largest_departure
from .rows import ALL, MODELS, Row
from .tables import Results, display_name
from .words import amount, of_images, one_in, percent, place, points

__all__ = ["Claim", "claim"]

_STRENGTHS = (  # bound on the share of decisions, and what is said below it
    (0.001, "It holds nearly, for decisions: fewer than one in a thousand differ"),
    (0.01, "It holds roughly, for decisions: fewer than one in a hundred differ"),
    (0.05, "It holds only loosely, for decisions: fewer than one in twenty differ"),
    (1.01, "It does not hold: one decision in twenty, or more, may differ"),
)


@dataclass(frozen=True)
class Claim:
    """The page's text.

    Parameters
    ----------
    verdict : str
    hardware : tuple of str
        A paragraph for each network: fake quantization with frozen scales against true INT8.
    observers : tuple of str
        The same for live observers: how far from the hardware, and what freezing changes.
    missing : tuple of str
        What could not be said, and why.
    """

    verdict: str
    hardware: tuple[str, ...]
    observers: tuple[str, ...]
    missing: tuple[str, ...]


def claim(rows: Iterable[Row], differences: Iterable[TensorDifference], images: int) -> Claim:
    """Return the claim, as far as the rows go.

    Parameters
    ----------
    rows : iterable of Row
        As of `maccord.study.measure.measure_all`.
    differences : iterable of TensorDifference
    images : int
        At each level, 1 or more.
    """
    results = Results(rows)
    lines = list(differences)
    networks = [_Network(results, network, lines, images) for network in results.networks]
    compared = [network for network in networks if network.series("frozen", "decided_differently")]
    return Claim(
        _verdict(compared, images),
        tuple(network.hardware() for network in compared),
        tuple(text for network in networks if (text := network.observers())),
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
    """One network's figures, and what they say."""

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
        """Return a figure at every level where there is one."""
        found = (self.results.row(self.network, model, *at, metric) for at in self.results.places)
        return [row for row in found if row]

    def over_levels(self, model: str, metric: str) -> Row | None:
        return self.results.row(self.network, model, ALL, 0.0, metric)

    @property
    def changed(self) -> int:
        """Decisions that differ, at all levels together."""
        return sum(round(row.value * self.images) for row in self.decided)

    @property
    def bound(self) -> float:
        """Upper end of the share over all levels, or of the worst level."""
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

    def hardware(self) -> str:
        """Fake quantization with frozen scales against true INT8."""
        sentences = [self._decisions("frozen"), self._values(), self._accuracy(), self._parting()]
        return f"{self.name}: " + " ".join(sentence for sentence in sentences if sentence)

    def _decisions(self, model: str) -> str:
        decided = self.series(model, "decided_differently")
        changed = sum(round(row.value * self.images) for row in decided)
        total = self.images * len(decided)
        if not changed:
            return (
                f"not one of {total:,} decisions differs; at each level, a share above "
                f"{of_images(self.images)} is excluded at 95 %."
            )
        whole = self.over_levels(model, "decided_differently")
        share = amount(whole) if whole else percent(changed / total)
        worst = max(decided, key=lambda row: row.value)
        return (
            f"{changed:,} of {total:,} decisions differ, {share}, most at "
            f"{place(worst.perturbation, worst.level)}: {amount(worst)}."
        )

    def _values(self) -> str:
        found = []
        for metric, what in (
            ("logits_differ", "images have another logit"),
            ("logit_bits", "bits of the logits differ"),
            ("activations_differ", "activation codes differ"),
        ):
            rows = self.series("frozen", metric)
            if rows:
                found.append(f"{_range(rows)} of {what}")
        largest = max((line.largest for line in self.lines), default=0)
        steps = f"; no code by more than {largest}" if largest else ""
        return f"By level, {', '.join(found)}{steps}." if found else ""

    def _accuracy(self) -> str:
        row = self.over_levels("int8", "top1_minus_frozen")
        if not row:
            return ""
        if row.low == row.high == 0:
            return "Top-1 accuracy is the same."
        told = (
            "contains 0: no effect on it can be told"
            if row.low <= 0 <= row.high
            else "leaves 0 out"
        )
        return (
            f"True INT8's top-1 accuracy is {amount(row)} off that of fake quantization, an "
            f"interval that {told}."
        )

    def _parting(self) -> str:
        counts: dict[str, int] = {}
        for line in self.lines:
            counts[line.tensor] = counts.get(line.tensor, 0) + line.images_parting_here
        parted = sum(counts.values())
        if not parted:
            return "No tensor differs." if self.lines else ""
        first = max(counts, key=lambda tensor: counts[tensor])
        rows = self.series("frozen", PARTS + first)
        never = self.series("frozen", PARTS)
        return (
            f"Of images that part, {percent(counts[first] / parted)} do so first at {first}: "
            f"{_range(rows)} of all images by level; {_range(never)} never part."
        )

    def observers(self) -> str:
        """Live observers: against the hardware, and against frozen scales; empty without any."""
        sentences = [self._freezing(), self._near_fp32()]
        if self.series("live", "decided_differently"):
            sentences.insert(0, f"with live observers, {self._decisions('live')}")
        elif not sentences[0]:
            return ""
        return f"{self.name}: " + " ".join(sentence for sentence in sentences if sentence)

    def _freezing(self) -> str:
        rows = self.series("frozen", "top1_minus_live")
        if not rows:
            return ""
        lower, higher = ([r for r in rows if r.high < 0], [r for r in rows if r.low > 0])
        whole = self.over_levels("frozen", "top1_minus_live")
        mean = f"; over all levels it changes top-1 accuracy by {amount(whole)}" if whole else ""
        text = (
            f"Freezing the observers makes top-1 accuracy lower at {len(lower)} and higher at "
            f"{len(higher)} of {len(rows)} levels with an interval that leaves 0 out{mean}."
        )
        if lower:
            text += " The most is lost" + self._extreme(min(lower, key=lambda row: row.value))
        if higher:
            text += " The most is gained" + self._extreme(max(higher, key=lambda row: row.value))
        return text

    def _extreme(self, row: Row) -> str:
        """Where freezing changes most: accuracies there, and what clamping alone would change."""
        at = (row.perturbation, row.level)
        found = [(model, self.results.row(self.network, model, *at, "top1")) for model in MODELS]
        shown = ", ".join(f"{model} {percent(top1.value)}" for model, top1 in found if top1)
        text = f" at {place(*at)}, {amount(row)}: {shown}."
        clamped = self.results.row(self.network, "fp32-clamped", *at, "top1_minus_fp32")
        if not clamped:
            return text
        share = clamped.value / row.value
        told = not clamped.low <= 0 <= clamped.high
        part = "nearly all" if share > 0.9 else "most" if share > 0.5 else "part"
        part = part if told and share > 0 else "none that can be told"
        return (
            f"{text} There, clamping FP32's input to 0..1, without any quantization, makes "
            f"{amount(clamped)}: {part} of that change comes of the range that frozen scales leave "
            "the input."
        )

    def _near_fp32(self) -> str:
        found = []
        for model, what in (("live", "live fake quantization"), ("int8", "true INT8")):
            rows = self.series(model, "top1_minus_fp32")
            if rows:
                worst = max(rows, key=lambda row: abs(row.value))
                at = place(worst.perturbation, worst.level)
                found.append(f"{what} is up to {amount(worst)} off FP32 ({at})")
        if not found:
            return ""
        printed = points(largest_departure()).lstrip("+")
        return f"In top-1 accuracy, {'; '.join(found)}. Langille 2024 prints up to {printed}."


def _range(rows: Sequence[Row]) -> str:
    """Lowest and highest figure of all levels, with their intervals' outer ends."""
    low, high = min(row.value for row in rows), max(row.value for row in rows)
    return (
        percent(low)
        if low == high
        else f"{percent(low)} to {percent(high)}".replace(" % to", " to")
    )
