# SPDX-License-Identifier: Apache-2.0
"""The signs that cameras are invented from, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.cameras.check import Sight, lonely, possible, probe_all, unseen
from flexgs.cameras.complete import see_the_rest
from flexgs.cameras.evidence import vote
from flexgs.cameras.invent import farthest_first, order_for_split
from flexgs.cameras.place import draw_cameras, find_stance, framing_distance
from flexgs.cameras.subject import find_subject
from flexgs.cameras.upright import fibonacci_sphere, find_up
from flexgs.core import Splats, split_views
from flexgs.render.cpu import CpuRenderer
from tests.cameras import captures

NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.float32))


def sight(covered: float, near: float) -> Sight:
    return Sight(covered, near, *NOTHING)


@pytest.fixture(scope="module")
def orbited() -> Splats:
    return captures.object_on_floor(captures.ring(4.0, (15, 50)))


def test_the_subject_is_where_gaussians_are_small(orbited: Splats) -> None:
    subject = find_subject(orbited)
    assert np.linalg.norm(subject.center) < 0.3
    assert 0.8 < subject.radius < 1.3


def test_a_ball_fits_the_frame_at_the_framing_distance() -> None:
    half_height = np.arcsin(1 / framing_distance(1.0))
    assert np.degrees(2 * half_height) == pytest.approx(36.0, abs=0.5)


def test_votes_are_cast_for_the_side_that_was_seen(orbited: Splats) -> None:
    eyes = 4 * fibonacci_sphere(200)
    votes = vote(orbited, (np.arange(1500),), eyes)
    assert votes is not None
    heights = eyes @ captures.UP / 4
    seen = votes[(heights > np.sin(np.radians(15))) & (heights < np.sin(np.radians(50)))]
    assert seen.mean() > votes[heights < -0.3].mean() + 0.2


def test_random_harmonics_cast_no_votes(orbited: Splats) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, orbited.sh.shape)
    random = Splats(orbited.means, orbited.log_scales, orbited.quats, orbited.opacity_logits, noise)
    assert vote(random, (np.arange(random.n),), 4 * fibonacci_sphere(200)) is None


def test_without_votes_up_is_the_floor_normal_nearest_to_minus_y() -> None:
    silent = captures.object_on_floor(captures.ring(4.0, (15, 50), count=1), degree=0)
    up = find_up(silent, find_subject(silent), fibonacci_sphere(50), None)
    assert up @ captures.UP > 0.97


def test_views_with_holes_go_where_most_are_closed_and_stay_where_most_are_open() -> None:
    closed = [sight(c, 0.0) for c in (0.99, 0.98, 0.97, 0.6)]
    opened = [sight(c, 0.0) for c in (0.2, 0.3, 0.25, 0.95)]
    assert possible(closed).tolist() == [True, True, True, False]
    assert possible(opened).all()


def test_views_of_nothing_and_from_within_matter_go() -> None:
    sights = [sight(0.5, 0.0), sight(0.0, 0.0), sight(0.5, 0.9)]
    assert possible(sights).tolist() == [True, False, False]


def test_views_are_added_for_what_the_others_do_not_see(orbited: Splats) -> None:
    renderer = CpuRenderer()
    stance = find_stance(orbited, find_subject(orbited))
    drawn = draw_cameras(stance, 40, 60)
    east = [c for c in drawn if (c.center - stance.subject.center) @ captures.EAST > 0]
    sights = probe_all(orbited, renderer, east, stance, lambda _: None)
    before = unseen(sights, orbited.n).mean()
    # the free positions are on all sides, what was seen is not
    added, seen = see_the_rest(orbited, renderer, stance, drawn, sights, most=8)
    assert 0 < len(added) <= 8
    assert unseen([*sights, *seen], orbited.n).mean() < 0.7 * before


def test_no_views_are_added_where_all_is_seen(orbited: Splats) -> None:
    stance = find_stance(orbited, find_subject(orbited))
    drawn = draw_cameras(stance, 8, 60)
    whole = Sight(1.0, 0.0, np.arange(orbited.n), np.ones(orbited.n, np.float32))
    everything = [whole] * len(drawn)
    assert see_the_rest(orbited, CpuRenderer(), stance, drawn, everything, most=8) == ([], [])


def test_farthest_first_begins_with_the_extremes() -> None:
    line = np.array([[x, 0.0, 0.0] for x in (0, 1, 2, 3, 10)])
    assert farthest_first(line).tolist()[:2] == [0, 4]


def test_the_first_of_the_order_are_the_report_views(orbited: Splats) -> None:
    drawn = draw_cameras(find_stance(orbited, find_subject(orbited)), 40, 60)
    split = split_views(order_for_split(drawn, np.zeros(len(drawn), bool)))
    order = farthest_first(np.array([camera.center for camera in drawn]))
    reported = {tuple(camera.center) for camera in split.report}
    assert reported == {tuple(drawn[i].center) for i in order[: len(reported)]}


def test_views_that_must_be_scored_are_not_held_out(orbited: Splats) -> None:
    drawn = draw_cameras(find_stance(orbited, find_subject(orbited)), 40, 60)
    scored = np.arange(len(drawn)) % 3 == 0
    split = split_views(order_for_split(drawn, scored))
    held_out = {tuple(camera.center) for camera in (*split.report, *split.search)}
    assert held_out.isdisjoint({tuple(drawn[i].center) for i in np.flatnonzero(scored)})


def test_a_view_is_lonely_when_it_alone_shows_something() -> None:
    rows, ones = np.arange(4), np.ones(4, np.float32)
    shared = [Sight(1.0, 0.0, rows, ones)] * 4
    alone = Sight(1.0, 0.0, np.arange(3, 7), ones)
    assert lonely([*shared, alone], 7).tolist() == [False] * 4 + [True]
