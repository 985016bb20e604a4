"""The part `calls`: which commands are interrupted, and what they start from."""

import shutil

from .scenarios import Close, Export, Sync
from .system_calls import SystemCalls
from .upkeep import Optimize, Repair, Vacuum
from .worlds import AFTER, EDGES, MONTH, first_rows, make_folders, new_world


def sweep(tool, tallies, folder, options):
    """All of them, one after the other."""
    with new_world(options.seed) as world:
        scenarios = lakes(world, tool, folder) + exports(world, tool, folder)
        for number, scenario in enumerate(scenarios):
            if options.only in scenario.name:
                scratch = folder / f"scenario-{number}"
                scratch.mkdir()
                SystemCalls(tool, scenario, tallies, scratch, options).run()
                shutil.rmtree(scratch)


def lakes(world, tool, folder):
    """Commands upon a lake."""
    folders = make_folders(world, tool, folder)
    first = Sync(world, tool, folders.empty, "sync, the first")
    first.new = first_rows(world)
    telling = Sync(world, tool, folders.before, "sync --changes", tells=True)
    telling.changes = folders.changes
    first_telling = Sync(world, tool, folders.empty, "sync --changes, the first", tells=True)
    first_telling.new, first_telling.changes = first.new, dict.fromkeys(first.new, "new")
    return [
        first,
        first_telling,
        Sync(world, tool, folders.before, "sync"),
        telling,
        Sync(world, tool, folders.before, "sync --optimize", ["--optimize", "auto"]),
        Close(world, tool, folders.after, MONTH, EDGES),
        Optimize(world, tool, folders.pieces),
        Vacuum(world, tool, folders.pieces),
        Repair(world, tool, folders.damaged),
    ]


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
        found.append(Export(world, tool, before, name, (MONTH, EDGES), options))
    world.set_clock(AFTER, tool)
    nothing = folder / "nothing"
    nothing.mkdir()
    return [Export(world, tool, nothing, "export, the first", (MONTH, EDGES)), *found]
