"""The loop between session and views, without a window: who gets which snapshot, and what the session is told to work out."""

from dataclasses import replace

import pytest

from playground.gui.frame_loop import FrameLoop
from playground.training import parts
from playground.training.protocol import Snapshot, Status, Watch


class Session:
    """Stands for a session: what it has published, and what it was sent."""

    def __init__(self):
        self.latest = None
        self.generation = 1
        self.sent = []

    def send(self, command):
        self.sent.append(command)

    def publish(self, step, status=Status.RUNNING):
        self.latest = Snapshot(self.generation, status, step=step)
        return self.latest


class View:
    """Stands for a view that needs some parts."""

    def __init__(self, *needed):
        self.visible = True
        self.shown = []
        self._needed = frozenset(needed)

    def isVisible(self):
        return self.visible

    def show_snapshot(self, snapshot):
        self.shown.append(snapshot.step)

    def needs_parts(self):
        return self._needed


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def loop(qapp, session):
    return FrameLoop(session)


def test_what_is_shown_may_be_older_than_what_is_newest(loop, session):
    assert loop.newest is None
    assert loop.shown_snapshot is None
    first = session.publish(1)
    assert loop.newest is first
    assert loop.shown_snapshot is None, "no view has seen it"
    loop.poll()
    second = session.publish(2)
    assert (loop.newest, loop.shown_snapshot) == (second, first)
    loop.poll()
    assert (loop.newest, loop.shown_snapshot) == (second, second)


def test_what_was_shown_of_an_earlier_run_is_shown_no_more(loop, session):
    old = session.publish(1)
    loop.poll()
    session.generation = 2
    assert loop.newest is None
    assert loop.shown_snapshot is None
    loop.poll()
    session.latest = replace(old, generation=2)
    loop.poll()
    assert loop.shown_snapshot is session.latest


def test_the_newest_wins_and_none_is_shown_twice(loop, session):
    view = View()
    loop.add_view(view)
    for step in (1, 2, 3):
        session.publish(step)
    loop.poll()
    loop.poll()
    session.publish(4)
    loop.poll()
    assert view.shown == [3, 4]


def test_views_take_turns_while_it_runs_and_all_see_where_it_stops(loop, session):
    views = [View(), View(), View()]
    for turn, view in enumerate(views[:2]):
        loop.add_view(view, every=2, turn=turn)
    loop.add_view(views[2])
    for step in range(6):
        session.publish(step)
        loop.poll()
    session.publish(6, Status.PAUSED)
    loop.poll()
    # The first one is for all.
    assert views[0].shown == [0, 1, 3, 5, 6]
    assert views[1].shown == [0, 2, 4, 6]
    assert views[2].shown == [0, 1, 2, 3, 4, 5, 6]


def test_the_session_is_told_once_what_the_views_in_sight_need(loop, session):
    surface, rows = View(parts.surface), View(parts.outputs, parts.health)
    loop.add_view(surface)
    loop.add_view(rows)
    loop.poll()
    loop.poll()
    assert session.sent == [Watch(frozenset({parts.surface, parts.outputs, parts.health}))]
    rows.visible = False
    loop.poll()
    loop.poll()
    loop.probe = (1.0, 2.0)
    loop.poll()
    assert session.sent[1:] == [
        Watch(frozenset({parts.surface})),
        Watch(frozenset({parts.surface, parts.probe}), (1.0, 2.0)),
    ]


def test_a_window_that_cannot_be_seen_needs_nothing(qapp, session):
    seen = [True]
    loop = FrameLoop(session, lambda: seen[0])
    view = View(parts.surface)
    loop.add_view(view)
    session.publish(1)
    loop.poll()
    seen[0] = False
    session.publish(2)
    loop.poll()
    assert session.sent[-1] == Watch()
    assert view.shown == [1]
    seen[0] = True
    loop.poll()
    assert view.shown == [1, 2], "what came meanwhile is shown at once"
