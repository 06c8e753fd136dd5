"""Campaigns: a fixed sample of each finds nothing; planted faults are found, shrunk, written down and played again."""

import json
import random
from dataclasses import replace

import pytest
from campaign import Campaign, Failure, read_replay, rounds, shrunk
from run_campaign import HOMES, campaign_by_name, main

pytestmark = pytest.mark.window

# Of the sample; the campaigns themselves begin anywhere.
SEED = 1


@pytest.mark.long
@pytest.mark.parametrize("name", HOMES)
def test_a_fixed_sample_finds_nothing(name, monkeypatch):
    # Speed is for machines that have nothing else to do.
    monkeypatch.setattr("driven_window.MOST_SECONDS", 1.0)
    campaign = campaign_by_name(name)
    try:
        for (seed, actions, failure), _ in zip(
            rounds(campaign, SEED, campaign.sample_size), range(campaign.sample), strict=False
        ):
            assert failure is None, f"seed {seed}: {failure.kind}\n{failure.details}\n{str(actions)[:2000]}"
    finally:
        campaign.close()


@pytest.mark.compile
@pytest.mark.parametrize("name", HOMES)
def test_actions_are_what_their_seed_says_and_json_can_hold(name):
    campaign = campaign_by_name(name)
    actions = campaign.draw(random.Random(7), campaign.size)
    assert actions == campaign.draw(random.Random(7), campaign.size)
    assert json.loads(json.dumps(actions)) == actions
    assert any(campaign.draw(random.Random(seed), campaign.size) != actions for seed in range(8, 20))


# A campaign against a thing that breaks where a 3 comes after a 7.


def breaks(actions):
    if 7 in actions and 3 in actions[actions.index(7) :]:
        return Failure("3 after 7", "planted")
    return Failure("a nine", "planted, too") if actions.count(9) > 3 else None


PLANTED = Campaign(
    "planted", "Draws digits.", lambda chance, size: [chance.randrange(10) for _ in range(size)], breaks, 30, 1, 30
)


def test_a_failure_is_shrunk_to_what_it_takes():
    found = 0
    for seed, actions, failure in rounds(PLANTED, 0, 40):
        if seed == 50:
            break
        if failure is not None and failure.kind == "3 after 7":
            found += 1
            assert shrunk(PLANTED, actions, failure, 60) == [7, 3]
    assert found > 20


def test_shrinking_keeps_to_the_same_failure_and_to_its_time():
    actions = [1, 9, 9, 7, 9, 9, 2, 9, 9, 4]
    assert shrunk(PLANTED, actions, Failure("a nine", ""), 60) == [9, 9, 9, 9]
    assert shrunk(PLANTED, actions, Failure("a nine", ""), 0) == actions


def test_a_round_that_ends_the_process_is_written_down(tmp_path):
    def dies(actions):
        if 3 in actions:
            raise SystemExit("as by a crash")

    campaign = replace(PLANTED, play=dies)
    now = tmp_path / "now.json"
    with pytest.raises(SystemExit):
        list(rounds(campaign, 0, 2, now))
    assert 3 in read_replay(now)


def test_what_is_found_is_written_down_and_played_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("run_campaign.HOMES", {"planted": "test_campaigns"})
    monkeypatch.setattr("run_campaign.campaign_by_name", lambda name: PLANTED)
    assert main(["planted", "--rounds", "20", "--seed", "3", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    files = sorted(tmp_path.iterdir())
    assert len(files) == len([line for line in said.splitlines() if line.startswith("again: ")])
    assert {json.loads(path.read_text())["kind"] for path in files} <= {"3 after 7", "a nine"}
    for path in files:
        assert f"--replay {path}" in said
        assert main(["planted", "--replay", str(path)]) == 1
    assert "planted" in capsys.readouterr().out
    harmless = json.loads(files[0].read_text()) | {"actions": [1, 2]}
    files[0].write_text(json.dumps(harmless))
    assert main(["planted", "--replay", str(files[0])]) == 0
    assert main(["planted", "--rounds", "1", "--seed", "1", "--size", "2", "--out", str(tmp_path)]) == 0
