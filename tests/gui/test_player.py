"""What was asked for last counts, before a snapshot shows it: a second press never does what the first one did."""

from types import SimpleNamespace

import pytest

from playground.gui.player import Player
from playground.training.protocol import Pause, Status, Train


@pytest.fixture
def player(qapp):
    """A player of a session that only listens."""
    sent = []
    loop = SimpleNamespace(newest=None)
    made = Player(SimpleNamespace(send=sent.append), loop)
    made.sent, made.loop = sent, loop
    return made


def see(player, status):
    player.loop.newest = SimpleNamespace(status=status)
    player.show_snapshot(player.loop.newest)


def test_presses_take_turns_even_if_no_snapshot_comes_in_between(player):
    for _ in range(2):
        player.play_or_pause()
        player.play_or_pause()
    assert player.sent == [Train(epochs_per_frame=1.0), Pause()] * 2


def test_what_a_snapshot_shows_counts_once_it_agrees(player):
    player.play_or_pause()
    see(player, Status.PAUSED)
    assert player.running, "that was the moment before"
    see(player, Status.RUNNING)
    see(player, Status.PAUSED)
    assert not player.running


@pytest.mark.parametrize("status", [Status.FINISHED, Status.DIVERGED, Status.FAILED])
def test_a_run_that_has_ended_can_be_played_again(player, status):
    player.play_or_pause()
    see(player, status)
    assert not player.running
    player.play_or_pause()
    assert isinstance(player.sent[-1], Train)


def test_a_speed_is_sent_at_once_only_while_training_runs(player):
    player.set_speed(None)
    assert not player.sent and player.speed is None
    see(player, Status.RUNNING)
    player.set_speed(0.25)
    assert player.sent == [Train(epochs_per_frame=0.25)]


def test_who_listens_hears_of_playing_before_the_session_does(player):
    heard = []
    player.playing.connect(lambda: heard.append(list(player.sent)))
    player.play_or_pause()
    player.play_or_pause()
    assert heard == [[]]
    player.step()
    player.reset()
    assert player.sent[-2:] == [Train(steps=1), Pause()]
