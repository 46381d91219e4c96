"""Which tensors share bytes: views, parts of concatenations, and parts of parts."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.compiler.places import Place, moves_nothing, places
from maccord.golden.graph import AvgPool2d, Clamp, Concat, Flatten, Network, Quantization
from maccord.verify.regress.networks import NetworkBuilder, random_network


def build() -> NetworkBuilder:
    return NetworkBuilder(np.random.default_rng(1), (1, 4, 4, 3))


def test_tensors_have_places_of_their_own() -> None:
    net = build()
    x = net.conv("net.input", 5)
    y = net.clamp(x, 3, 200)
    where = places(net.network(y))
    assert where == {name: Place(name) for name in ("net.input", x, y)}


def test_parts_lie_side_by_side() -> None:
    net = build()
    first = net.conv("net.input", 5)
    second, third = (net.conv("net.input", n, output=net.like(first)) for n in (2, 4))
    joined = net.concat(first, second, third)
    where = places(net.network(joined))
    assert [where[name] for name in (joined, first, second, third)] == [
        Place(joined, channel) for channel in (0, 0, 5, 7)
    ]


def test_nested_parts_lie_in_the_outermost() -> None:
    net = build()
    first = net.conv("net.input", 5)
    second, third = (net.conv("net.input", n, output=net.like(first)) for n in (2, 4))
    inner = net.concat(first, second)
    middle = net.concat(third, inner)
    outer = net.concat(net.clamp(third, 9, 99), middle)
    where = places(net.network(outer))
    assert where[inner] == Place(outer, 8)
    assert (where[third], where[first], where[second]) == tuple(
        Place(outer, channel) for channel in (4, 8, 13)
    )


def test_a_part_used_twice_keeps_its_own_place() -> None:
    net = build()
    x = net.conv("net.input", 5)
    joined = net.concat(x, x)
    assert places(net.network(joined))[x] == Place(x)
    outer = net.concat(joined, net.clamp(x, 0, 90))
    where = places(net.network(outer))
    assert where[x] == Place(x)
    assert where[joined] == Place(outer)


def test_the_input_keeps_its_own_place() -> None:
    net = build()
    x = net.conv("net.input", 5, output=net.like("net.input"))
    where = places(net.network(net.concat(x, "net.input")))
    assert where["net.input"] == Place("net.input")
    assert where[x].root != x


def test_views_lie_where_they_look() -> None:
    """Of a view of a part, the part; a view itself is never written in place."""
    net = build()
    x = net.conv("net.input", 5)
    part = net.conv("net.input", 3, output=net.like(x))
    mean = net.avg_pool(x, 1)
    joined = net.concat(part, mean)
    rows = net.flatten(joined)
    where = places(net.network(rows))
    assert where[part] == where[rows] == where[joined] == Place(joined)
    assert where[mean] == Place(x)


def test_what_moves_nothing() -> None:
    codes = Quantization(1.0, 3)
    one, two = (1, 1), (2, 2)
    assert moves_nothing(Flatten("flat", codes))
    assert moves_nothing(AvgPool2d("pool", codes, one, one))
    assert not moves_nothing(AvgPool2d("pool", codes, one, two))
    assert not moves_nothing(AvgPool2d("pool", codes, two, one))
    assert not moves_nothing(Clamp("clamp", codes))


def wrong(network: Network, where: dict[str, Place]) -> list[str]:
    """Tensors whose bytes, followed plainly, are not where a concatenation has its part.

    Bytes are marked with who writes them; a part that is not in its place must be copied, so that
    nothing else may claim its place.
    """
    taken: dict[tuple[str, int], str] = {}
    result = []
    for node in network.nodes:
        if isinstance(node.operation, Concat) or moves_nothing(node.operation):
            continue
        place, channels = where[node.name], network.tensors[node.name].shape[-1]
        for channel in range(place.channel, place.channel + channels):
            if (place.root, channel) in taken:
                result.append(node.name)
            taken[place.root, channel] = node.name
        if place.channel + channels > network.tensors[place.root].shape[-1]:
            result.append(node.name)
    return result


@pytest.mark.parametrize("seed", range(30))
def test_no_channel_is_written_by_two(seed: int) -> None:
    network = random_network(np.random.default_rng(seed), 4)
    where = places(network)
    assert set(where) == set(network.tensors)
    assert not wrong(network, where)


def test_a_part_out_of_place_is_noticed() -> None:
    """The check above sees a part that begins a channel early, or ends beyond its root."""
    net = build()
    first = net.conv("net.input", 5)
    second = net.conv("net.input", 2, output=net.like(first))
    joined = net.concat(first, second)
    network = net.network(joined)
    where = places(network)
    assert not wrong(network, where)
    for channel in (4, 6):
        assert wrong(network, {**where, second: Place(joined, channel)}) == [second]
