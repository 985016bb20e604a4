"""The part `calls`: which commands are interrupted, and what they start from."""

import shutil

from lake_account import at
from support.archives import difference, lake_rows

from .scenarios import Close, Export, Optimize, Sync, Vacuum
from .system_calls import SystemCalls
from .worlds import AFTER, EDGES, MONTH, finish_model, make_lake, new_world, split


def sweep(tool, tallies, folder, options):
    """All of them, one after the other."""
    with new_world(options.seed) as world:
        scenarios = lakes(world, tool, tallies, folder) + exports(world, tool, folder)
        for number, scenario in enumerate(scenarios):
            if options.only in scenario.name:
                scratch = folder / f"scenario-{number}"
                scratch.mkdir()
                SystemCalls(tool, scenario, tallies, scratch, options).run()
                shutil.rmtree(scratch)


def lakes(world, tool, tallies, folder):
    """Commands upon a lake."""
    before, after = folder / "before", folder / "after"
    old = make_lake(world, tool, before)
    shutil.copytree(before, after)
    done, missed = finish_model(world, tool, after)
    wrong = difference(lake_rows(after / "lake"), world.expected.rows)
    for problem in [done.code and done.told(), missed and f"never listed: {sorted(missed)[:3]}", wrong]:
        if problem:
            tallies.fault("sync", "none", 0, f"a faultless sync isn't what the model says: {problem}")
    empty = folder / "empty"
    empty.mkdir()
    first = Sync(world, tool, empty, "sync, the first")
    # What a first sync finds is what there is now, with names of now.
    names = world.account.names()
    first.new = {life.id: life.row(AFTER, names) | {"queried_at": at(AFTER)} for life in world.account.there}
    sync = Sync(world, tool, before, "sync")
    telling = Sync(world, tool, before, "sync --changes", tells=True)
    telling.changes = world.expected.changes(old)
    tidying = Sync(world, tool, before, "sync --optimize", ["--optimize", "auto"])
    close = Close(world, tool, after, MONTH, EDGES)
    pieces = folder / "pieces"
    shutil.copytree(after, pieces)
    split(pieces / "lake", ["2025-07", "2025-08"])
    return [first, sync, telling, tidying, close, Optimize(world, tool, pieces), Vacuum(world, tool, pieces)]



def exports(world, tool, folder):
    """A month exported over an earlier export of it; as files a day too, and into nothing."""
    found = []
    for name, options in [("export", []), ("export --partition-by day", ["--partition-by", "day"])]:
        before = folder / name.replace(" ", "-")
        before.mkdir()
        world.set_clock(AFTER - 86_400_000, tool)
        source = world.source()
        tool.must(before, "export", "--month", MONTH, "--out", before / "out", *source, *options, "--quiet")
        shutil.rmtree(before / "tmp")
        found.append(Export(world, tool, before, name, MONTH, EDGES, options))
    world.set_clock(AFTER, tool)
    nothing = folder / "nothing"
    nothing.mkdir()
    return [Export(world, tool, nothing, "export, the first", MONTH, EDGES), *found]
