"""Recipes and pairs: equal ones give equal bytes, one field varies one thing; pairs match but in what they do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from train.corpus.attacks.grammar import HELD_OUT, TECHNIQUES, draw_technique, techniques_of
from train.corpus.draw import Draw
from train.corpus.files.breakage import BREAKAGES
from train.corpus.files.carriers import CARRIERS, carriers_of
from train.corpus.files.hosts import POSITIONS, Host
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import ALONE, MAX_RATIO, Recipe, opcode_count, pairs, payload_of, render
from train.corpus.spelling.expressions import Call, Ref, Style

ROOT = Path(__file__).parents[3]
GADGETS = read_gadgets()
N = 200
HOST = Host(b"\x80\x04]q\x00(K\x01\x8c\x01aq\x01h\x01e.", "tiny.pkl", "")
PLAIN = Recipe(1, Call(Ref("os", "system"), ("echo x",)), Style(2), 5, "os.system", "os", "process", "direct")

Pair = tuple[Recipe, Recipe]


@pytest.fixture(scope="module")
def made() -> list[Pair]:
    return list(pairs(1, N, "train", GADGETS, [HOST]))


def sites(data: bytes) -> list[str]:
    found = []
    for stream in analyse(data).streams:
        machine = stream.machine
        for i in range(machine.n_sites):
            callee = callee_text(machine, machine.site_callee[i])
            found.append(f"{callee} {arguments_text(machine, machine.site_arguments[i], 10_000)}")
    return found


def protocols(data: bytes) -> list[int]:
    return [stream.machine.protocol for stream in analyse(data).streams]


def test_equal_recipes_give_equal_bytes(made: list[Pair]) -> None:
    for pair in made[:50]:
        for recipe in pair:
            assert render(replace(recipe)) == render(replace(recipe))


def test_equal_seeds_give_equal_pairs_and_longer_runs_begin_with_shorter_ones(made: list[Pair]) -> None:
    def files(seed: int, n: int, split: str = "train") -> list[bytes]:
        return [render(recipe) for pair in pairs(seed, n, split, GADGETS, [HOST]) for recipe in pair]

    assert files(1, 20) == [render(recipe) for pair in made[:20] for recipe in pair]
    assert not set(files(1, 20)) & set(files(2, 20))
    assert not set(files(1, 20)) & set(files(1, 20, "test"))


def test_pairs_share_all_but_what_they_do(made: list[Pair]) -> None:
    for number, (attack, twin) in enumerate(made):
        assert (attack.label, twin.label) == (1, 0)
        assert attack.pair == twin.pair == number
        assert (attack.carrier, attack.host, attack.position) == (twin.carrier, twin.host, twin.position)
        assert attack.breakage == twin.breakage
        assert attack.style.protocol == twin.style.protocol
        assert twin.style.noise == 0
        counts = sorted((opcode_count(payload_of(attack)), opcode_count(payload_of(twin))))
        assert counts[1] <= MAX_RATIO * counts[0]
        found = [protocols(payload_of(one))[:1] for one in (attack, twin)]
        assert found[0] == found[1] or [] in found  # broken plain data without a header is not taken for a pickle
    assert sum(bool(protocols(payload_of(attack))) for attack, _ in made) == len(made)


def test_places_carriers_and_breakages_are_varied(made: list[Pair]) -> None:
    positions = Counter(attack.position for attack, _ in made)
    assert set(positions) == {ALONE, *POSITIONS}
    assert 0.35 < positions[ALONE] / N < 0.6
    assert {attack.carrier for attack, _ in made} == set(carriers_of("train"))
    assert {attack.breakage for attack, _ in made} <= {"", *BREAKAGES}
    assert any(attack.breakage for attack, _ in made)
    assert {host.name for attack, _ in made if (host := attack.host)} == {"tiny.pkl", "made"}


def test_no_size_gives_the_label_away(made: list[Pair]) -> None:
    wins = sum(len(render(attack)) > len(render(twin)) for attack, twin in made)
    assert 0.35 < wins / N < 0.65
    wins = sum(opcode_count(payload_of(attack)) > opcode_count(payload_of(twin)) for attack, twin in made)
    assert 0.3 < wins / N < 0.65


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_techniques_that_are_held_out_stay_there(split: str) -> None:
    seen = Counter(draw_technique(Draw(seed, split)) for seed in range(3000))
    assert set(seen) == set(techniques_of(split))
    assert {attack.technique for attack, _ in pairs(3, 20, split, GADGETS, [])} <= set(seen)
    if split != "train":
        assert sum(seen[name] for name in HELD_OUT[split]) > 400
    assert {name for names in HELD_OUT.values() for name in names} < set(TECHNIQUES)
    for other, names in HELD_OUT.items():
        assert other == split or not set(names) & set(techniques_of(split))


def test_without_a_gadget_there_is_no_attack() -> None:
    with pytest.raises(ValueError, match="no gadget"):
        next(pairs(1, 1, "train", [], []))


@pytest.mark.parametrize("protocol", range(6))
def test_another_protocol_makes_the_same_call(protocol: int) -> None:
    data = render(replace(PLAIN, style=Style(protocol)))
    assert any(site.endswith("('echo x',)") for site in sites(data))


@pytest.mark.parametrize("position", POSITIONS)
def test_another_position_leaves_the_call_as_it_is(position: str) -> None:
    assert "os.system ('echo x',)" in sites(render(replace(PLAIN, host=HOST, position=position, style=Style(4))))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_another_carrier_holds_the_same_pickle(carrier: str) -> None:
    recipe = replace(PLAIN, carrier=carrier)
    assert render(recipe) == CARRIERS[carrier](payload_of(recipe), Random("carrier 5"))


def test_a_breakage_changes_the_bytes_only() -> None:
    recipe = replace(PLAIN, breakage=sorted(BREAKAGES)[0])
    assert payload_of(recipe) == payload_of(PLAIN)
    assert render(recipe) != render(PLAIN)


def test_the_spelling_changes_no_call() -> None:
    style = Style(2, False, None, ("REDUCE",), ("GLOBAL",), ("BINUNICODE", "STRING", "UNICODE_ESCAPED"), "mixed", 0.3)
    recipes = [replace(PLAIN, style=style, spelling=seed) for seed in range(20)]
    assert len({render(recipe) for recipe in recipes}) == 20
    assert {sites(render(recipe))[-1] for recipe in recipes} == {"os.system ('echo x',)"}


def test_a_place_needs_a_host_that_takes_it() -> None:
    with pytest.raises(ValueError, match="needs a host"):
        render(replace(PLAIN, position="middle"))
    with pytest.raises(ValueError, match="cannot take it"):
        render(replace(PLAIN, position="middle", host=Host(b"no pickle", "broken.pkl", "")))


def test_opcodes_are_counted() -> None:
    assert opcode_count(b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R.") == 6


def test_every_opcode_form_occurs(made: list[Pair]) -> None:
    used = set()
    for split in ("train", "test"):
        for attack, _ in made if split == "train" else pairs(2, 150, split, GADGETS, []):
            for stream in analyse(payload_of(attack)).streams:
                used |= {opcode_name(stream.machine.site_opcode[i]) for i in range(stream.machine.n_sites)}
    assert {"GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "BINPERSID"} <= used
    for forms in ({"EXT1", "EXT2", "EXT4"}, {"SETITEM", "SETITEMS"}, {"APPEND", "APPENDS", "ADDITEMS"}):
        assert used & forms


def test_pairs_do_not_depend_on_the_hashes_of_a_process() -> None:
    script = (
        "import hashlib\nfrom train.corpus.gadgets.table import read_gadgets\n"
        "from train.corpus.recipe import pairs, render\n"
        "files = [render(r) for pair in pairs(4, 20, 'test', read_gadgets(), []) for r in pair]\n"
        "print(hashlib.sha256(b''.join(files)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1
