"""Networks against logits that timm 1.0.31 gave for the same weights and image, in fp64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformer_networks import patterned

from maccord.nets.transformer.deit import deit_digits
from maccord.nets.transformer.parts import Transformer
from maccord.nets.transformer.swin import swin_digits
from maccord.nets.transformer.windows import relative_positions

# Of VisionTransformer(img_size=32, patch_size=4, embed_dim=64, depth=3, num_heads=2,
# num_classes=10)
DEIT = [1.578730453, 1.011943697, -0.194567218, -1.257192323, -1.493106751]
DEIT += [-0.757142126, 0.46830824, 1.386308825, 1.399648731, 0.496324012]
# Of SwinTransformer(img_size=32, patch_size=2, embed_dim=32, depths=(2, 2), num_heads=(2, 4),
# window_size=4, num_classes=10)
SWIN = [-0.050314972, -0.807561866, -1.033408441, -0.574025851, 0.276205459]
SWIN += [0.962665112, 1.029168463, 0.416810103, -0.490865628, -1.10865379]


@pytest.mark.parametrize(("make", "due"), [(deit_digits, DEIT), (swin_digits, SWIN)])
def test_logits(make: Callable[[], Transformer], due: list[float]) -> None:
    model, image = patterned(make())
    with torch.no_grad():
        found = model(image)[0]
    torch.testing.assert_close(found, torch.tensor(due, dtype=torch.float64), rtol=0, atol=2e-9)


def test_rows_of_the_table_of_biases() -> None:
    """Rows apart count three, columns apart one, from the largest distance on."""
    due = [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]
    assert relative_positions(2).tolist() == due
