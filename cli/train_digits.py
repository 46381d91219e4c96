"""`maccord train` without a data set: reduced networks on the built-in digits, by width."""

from __future__ import annotations

from pathlib import Path

__all__ = ["train_on_digits"]


def train_on_digits(
    network: str,
    widths: list[int | None],
    out: Path | None,
    epochs: int | None,
    seed: int,
    learned_activations: bool = False,
) -> None:
    """Train a reduced network once for each width; print accuracies and the next command.

    Parameters
    ----------
    network : str
        One of `nets.training.digit_names.TRAINED`.
    widths : list of int or None
        Bits of the weights; None for floating point.
    out : Path, optional
        Folder of results; build/train/NETWORK-digits by default.
    epochs : int, optional
        The recipe's by default.
    seed : int
    learned_activations : bool
        Whether activations are quantized in training where weights are.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    from ..nets.training.digit_names import check_trained_on_digits
    from ..nets.transformer.names import ON_DIGITS
    from ..runtime.files import check_writable

    check_trained_on_digits(network, learned_activations)
    if learned_activations and widths == [None]:
        raise ValueError("learned-activations must come with weight-bits 8, 4 or 2, got 32")
    if epochs is not None and epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    folder = out or Path("build/train") / f"{network}-digits"
    check_writable("out", "folder", folder, folder / "probe")
    from rich.markup import escape

    from ..nets.training.embedded import CALIBRATION, DIGIT, FACTORIES, train_widths
    from ..runtime.console import console
    from ..runtime.tables import Column, fitting, table_width

    err, out_ = console(stderr=True), console()

    def said(name: str, epoch: int, total: int, loss: float) -> None:
        err.print(f"{name}: epoch {epoch} of {total}, loss {loss:.4f}", soft_wrap=True)

    rows = train_widths(
        network,
        widths,
        folder,
        seed=seed,
        epochs=epochs,
        learned_activations=learned_activations,
        progress=said,
    )
    trained = "in training" if learned_activations else "float activations"
    columns = [
        Column("network", [row.name for row in rows], left=True),
        Column("weights", [f"{row.weight_bits or 32} bits" for row in rows]),
        Column(trained, [f"{row.float_top1:.1%}" for row in rows]),
        Column("INT8", [f"{row.int8_top1:.1%}" for row in rows]),
    ]
    out_.print(fitting(out_, columns, table_width(False))[0])
    if network in ON_DIGITS:
        weights = escape(str(folder / f"{rows[-1].name}.pt"))
        out_.print(f"maccord sim {network} --weights {weights} --weight-bits auto", soft_wrap=True)
        return
    factory = rows[-1].name.replace("-", "_")
    out_.print(
        f"maccord sim {escape(str(folder / FACTORIES))}:{factory} --weight-bits auto "
        f"--calibration {escape(str(folder / CALIBRATION))} "
        f"--image {escape(str(folder / DIGIT))} --input-shape 3,32,32 --resize 32x32",
        soft_wrap=True,
    )
