"""Network and image options of the command line; does not import PyTorch."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ..nets.formats.files import check_file, is_model_file, network_name
from ..nets.images import Normalization
from ..nets.input_shapes import USUAL, check_shape
from ..nets.perturb import parse, parse_box
from ..nets.preprocess import IMAGE_CHANNELS, Preprocessing
from ..nets.streaks import check_box
from ..nets.user_code import is_file, split_spec
from ..nets.weight_widths import check_choice
from .arrays import is_array, read_inputs
from .names import known
from .targets import networks_of, select, transformers_of

__all__ = ["MOST_IMAGES", "Inputs", "calibration_files", "check_inputs", "check_targets"]
__all__ += ["MOST", "PHOTOGRAPH"]

PHOTOGRAPH = "china"  # default image

MOST_IMAGES = 256  # per batch: all tensors of a network then take some gigabytes
MOST = {"input": MOST_IMAGES, "calibration": 1024}  # inputs in a file
_PICTURES = {(3, channels) for channels in IMAGE_CHANNELS}  # dimensions, and the first
_STREAKS = ("vertical", "horizontal")


@dataclass(frozen=True)
class Inputs:
    """Options that select weights, images and perturbations, as on the command line.

    Parameters
    ----------
    perturb : str
        Comma-separated ``kind:level``, empty for the clean input alone.
    bbox : str
        Box of the streaks, empty for the whole crop.
    image : Path, optional
        Image file; a built-in photograph if not given.
    weights : Path, optional
        Checkpoint; seeded weights if not given.
    calibration : Path, optional
        Image or folder of images used for calibration.
    seed : int
    batch : int
        Images per batch; the first is `image`, or the photograph.
    module : str
        ``package.module:factory`` of the user's own network, or a model file; empty for the
        built-in ones.
    strict : bool
        Whether to refuse operators that the host would have to compute.
    input_shape : tuple of int
        PyTorch's shape of one input of the user's network; the declared one, or 3 x 224 x 224, if
        empty.
    input : Path, optional
        ``.npy`` file of floats or uint8 codes (N, ...), or an image file.
    mean, std : tuple of float
        One number per channel, for pixels in 0..1; empty for the usual ones.
    resize : tuple of int
        Short side, or height and width, before the crop; empty for the usual one.
    input_names : tuple of str
        Name of the input that `input` and each of `further_inputs` is for, empty by order.
    further_inputs, further_shapes, further_calibrations : tuple
        Of the further inputs of a network of several, as `input`, `input_shape`, `calibration`.
    weight_bits : str
        One of `nets.weight_widths.CHOICES`.
    """

    perturb: str = ""
    bbox: str = ""
    image: Path | None = None
    weights: Path | None = None
    calibration: Path | None = None
    seed: int = 0
    batch: int = 1
    module: str = ""
    strict: bool = False
    input_shape: tuple[int, ...] = ()
    input: Path | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: tuple[int, ...] = ()
    weight_bits: str = "8"
    input_names: tuple[str, ...] = ()
    further_inputs: tuple[Path, ...] = ()
    further_shapes: tuple[tuple[int, ...], ...] = ()
    further_calibrations: tuple[Path, ...] = ()

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Files of all inputs, as given."""
        return (self.input, *self.further_inputs) if self.input else ()

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of all inputs; empty for the declared ones."""
        return (self.input_shape, *self.further_shapes) if self.input_shape else ()

    @property
    def calibrations(self) -> tuple[Path, ...]:
        """Calibration of all inputs."""
        return (self.calibration, *self.further_calibrations) if self.calibration else ()

    @property
    def picture(self) -> Path | None:
        """The image file, if one is given."""
        return self.image or (self.input if self.input and not is_array(self.input) else None)

    @property
    def preprocessed(self) -> bool:
        """Whether images have preprocessing other than the default."""
        return bool(self.mean or self.std or self.resize)

    def normalization(self, channels: int) -> Normalization | None:
        """Return the normalization; None for the usual one."""
        if not (self.mean or self.std):
            return None
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        mean, std = (values * channels if len(values) == 1 else values for values in (mean, std))
        return Normalization(mean, std)

    def preprocessing(self, shape: tuple[int, ...]) -> Preprocessing:
        """Return the steps from an image to an input of that shape."""
        return Preprocessing(shape, self.normalization(shape[0]), self.resize)


def check_inputs(inputs: Inputs) -> None:
    """Reject numbers out of range and unreadable files, before any computation.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if inputs.seed < 0:
        raise ValueError(f"seed must be at least 0, got {inputs.seed}")
    if inputs.batch < 1:
        raise ValueError(f"batch must be at least 1, got {inputs.batch}")
    if inputs.batch > MOST_IMAGES:
        raise ValueError(f"batch must be at most {MOST_IMAGES}, got {inputs.batch}")
    check_choice(inputs.weight_bits)
    _check_perturbations(inputs)
    _check_options(inputs)
    _check_files(inputs)
    if is_model_file(inputs.module):
        _check_model_file(inputs)
    if inputs.weights and inputs.module:
        raise ValueError(f"weights must come from the module's factory, got {inputs.weights}")
    if inputs.weights and not inputs.weights.is_file():
        what = "it is a folder" if inputs.weights.is_dir() else "no such file"
        raise ValueError(f"weights must be a readable checkpoint, got {inputs.weights}: {what}")


def _check_model_file(inputs: Inputs) -> None:
    """Reject options that a quantized file already determines."""
    for name in ("weights", "calibration", "input_shape"):
        given = getattr(inputs, name)
        if given:
            said = "x".join(map(str, given)) if name == "input_shape" else given
            raise ValueError(
                f"{name.replace('_', '-')} must be left out with {inputs.module}, which is "
                f"quantized for inputs of its own, got {said}"
            )


def _check_options(inputs: Inputs) -> None:
    """Check options of shape and preprocessing, which are of networks of the user's own."""
    given = [name for name in ("input_shape", "mean", "std", "resize") if getattr(inputs, name)]
    if given and not inputs.module:
        raise ValueError(
            f"{given[0].replace('_', '-')} must be of a module, a network of your own, as the "
            "built-in ones have theirs; got no module"
        )
    several = inputs.further_inputs or inputs.further_calibrations or inputs.input_names[:1]
    if not inputs.module and any(several):
        raise ValueError(
            "input and calibration must be given once, without a name, for the built-in networks, "
            f"which have one input; got {', '.join(map(str, several))}"
        )
    if inputs.image and inputs.input:
        raise ValueError(f"image or input must be given, got both {inputs.image}, {inputs.input}")
    for shape in inputs.input_shapes:
        check_shape(shape, "input-shape")
    for name in ("mean", "std"):
        values = getattr(inputs, name)
        if len(values) not in (0, 1, 3) or not all(map(isfinite, values)):
            text = ",".join(f"{value:g}" for value in values)
            raise ValueError(f"{name} must be one finite number, or three, got {text}")
    if inputs.std and min(inputs.std) <= 0:
        raise ValueError(f"std must be above 0, got {min(inputs.std):g}")
    if inputs.preprocessed:
        inputs.preprocessing(_known_shape(inputs) or USUAL)


def _known_shape(inputs: Inputs) -> tuple[int, ...]:
    """Return the input's shape; empty if the user's file may declare another."""
    return inputs.input_shape or (() if inputs.module else USUAL)


def _check_files(inputs: Inputs) -> None:
    """Reject files that are not there or not readable; their shapes follow with the network's."""
    shapes = inputs.input_shapes or (_known_shape(inputs),)
    if any(inputs.input_names) or len(shapes) != max(1, len(inputs.inputs)):
        shapes = ()  # which file is for which input follows with the network, too
    files = [("image", inputs.image, _known_shape(inputs))]
    for what, given in (("input", inputs.inputs), ("calibration", inputs.calibrations)):
        for index, path in enumerate(given):
            shape = shapes[index] if index < len(shapes) else ()
            each = calibration_files(path) if what == "calibration" else [path]
            files += [(what, file, shape) for file in each]
    for what, file, shape in files:
        if file is not None:
            _check_file(inputs, what, file, shape)


def _check_file(inputs: Inputs, what: str, file: Path, shape: tuple[int, ...]) -> None:
    if is_array(file) and shape and what != "image":
        read_inputs(file, shape, MOST[what], what)
    elif not is_array(file) and (len(shape or USUAL), (shape or USUAL)[0]) in _PICTURES:
        inputs.preprocessing(shape or USUAL).load(file, what)
    elif not file.is_file():
        raise ValueError(f"{what} must be a readable file, got {file}: no such file")


def _check_perturbations(inputs: Inputs) -> None:
    asked = parse(inputs.perturb) if inputs.perturb else []
    for each in asked:
        if each.adversarial:
            raise ValueError(
                f"perturb must be noise, streaks or corruptions, got {each}: it needs a trained "
                "network and labels, which maccord study and maccord generalize have"
            )
    if not inputs.bbox:
        return
    box = parse_box(inputs.bbox)
    shape = _known_shape(inputs)
    if len(shape) == 3:
        check_box(box, shape[1], shape[2])
    kinds = [kind for perturbation in asked for kind in perturbation.kinds]
    if not set(kinds) & set(_STREAKS):
        raise ValueError(
            "bbox needs a vertical or horizontal perturbation, "
            f"got {', '.join(kinds) if kinds else 'none'}"
        )


def calibration_files(path: Path | None) -> list[Path]:
    """Return the calibration files; an empty list for the built-in images.

    Raises
    ------
    ValueError
        If the path does not exist, or the folder is empty.
    """
    if path is None:
        return []
    wanted = f"calibration must be an image or a folder of images, got {path}"
    if not path.exists():
        raise ValueError(f"{wanted}: no such file or folder")
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{wanted}: empty")
    return files


def check_targets(targets: Sequence[str], module: str) -> None:
    """Reject unknown networks and layers; for a user's module, check only the name.

    Raises
    ------
    ValueError
        If a target matches nothing, or only modules that cannot run alone.
    """
    if is_model_file(module):
        check_file(module)
        networks_of(targets, [network_name(module)])
        return
    if module:
        path, factory = split_spec(module)
        networks_of(targets, [factory])
        if is_file(path):
            if not Path(path).is_file():
                raise ValueError(f"module must be a readable file, got {module}: no such file")
            return
        top = path.partition(".")[0]
        here = importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd())])
        if here is None and top not in sys.modules and importlib.util.find_spec(top) is None:
            raise ValueError(f"module must be importable, got {module}: No module named {top!r}")
        return
    table = known()
    whole, targets = transformers_of(targets)
    if whole and not targets:
        return
    for name, patterns in networks_of(targets, list(table)).items():
        network = table[name]
        select([p for p in patterns if "." in p], network.layers, network.others)
