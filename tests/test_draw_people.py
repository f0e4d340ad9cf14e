"""Pictures of people: everybody has a colour, and who is found has that of the true person."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from graphembed.datasets.crowds import crowd
from graphembed.errors import DataError
from graphembed.recast import disturbed
from graphembed.recast.draw import draw_gallery, draw_groups, draw_people, draw_tags

PEOPLE = disturbed(crowd(4, people=(3, 3), overlap=0.1, seed=3), jitter=0, dropped=0, spurious=0.1, seed=1)


def colours(ax):
    """Colour of each lot of points."""
    return [to_hex(lot.get_facecolor()[0]) for lot in ax.collections[:-1] if len(lot.get_offsets())]


def test_each_person_has_a_colour_and_nobodys_points_are_crosses():
    ax = draw_people(PEOPLE, 1)
    mine = PEOPLE.points[PEOPLE.points["image"] == 1]
    assert ax.get_title() == "3 people"
    assert len(set(colours(ax))) == 3
    assert sum(len(lot.get_offsets()) for lot in ax.collections) == len(mine)
    assert len(ax.collections[-1].get_offsets()) == (mine["person"] < 0).sum()
    width, height = PEOPLE.images.iloc[1][["width", "height"]]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, width), (height, 0))


def test_who_is_found_has_the_colour_of_the_true_person():
    person = PEOPLE.points["person"].to_numpy()
    renamed = np.where(person < 0, -1, 100 - person)  # the same people in another order
    figure = draw_groups(PEOPLE, renamed, [0, 2], np.random.default_rng(0).normal(size=(len(person), 5)))
    assert len(figure.axes) == 6
    for row in range(2):
        found, true, tags = figure.axes[3 * row : 3 * row + 3]
        assert colours(found) == colours(true) == colours(tags)
        ends = [
            [(tuple(line.get_xdata()), to_hex(line.get_color())) for line in panel.lines] for panel in (found, true)
        ]
        assert sorted(ends[0]) == sorted(ends[1])


def test_more_than_ten_people_have_different_colours():
    many = crowd(1, people=(30, 30), seed=1)
    assert len(set(colours(draw_people(many, 0)))) == many.points["person"].nunique() > 20


def test_tags_of_any_dimension_lie_in_the_plane():
    for dim in (1, 2, 7):
        ax = draw_tags(np.random.default_rng(0).normal(size=(6, dim)), [0, 0, 1, 1, -1, -1])
        assert sum(len(lot.get_offsets()) for lot in ax.collections) == 6
    apart = np.zeros((4, 5))
    apart[2:, 3] = 9
    lots = draw_tags(apart, [0, 0, 1, 1]).collections
    assert abs(lots[0].get_offsets()[0][0] - lots[1].get_offsets()[0][0]) == pytest.approx(9)


def test_an_image_without_points_is_drawn_empty():
    nobody = disturbed(PEOPLE, dropped=1.0)
    assert draw_people(nobody, 0).get_title() == "0 people"
    assert len(draw_groups(nobody, [], [0]).axes) == 1


def test_a_gallery_leaves_the_last_panels_empty():
    figure = draw_gallery(PEOPLE, [0, 1, 2], columns=2)
    assert [ax.axison for ax in figure.axes] == [True, True, True, False]


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="there is no image 9 among the 4 images"):
        draw_people(PEOPLE, 9)
    with pytest.raises(DataError, match=r"expected a group for each of \d+ points, got shape \(1,\)"):
        draw_people(PEOPLE, 0, [1])
    with pytest.raises(DataError, match=r"expected finite tags \(points, dim\) and a group for each"):
        draw_tags([[np.nan]], [0])
