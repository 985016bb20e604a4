"""What must hold of a command that something went wrong in, whatever went wrong. Holds no check itself."""

from .archives import Torn, bad_words


class Judge:
    """Of a scenario's attempt; runs the command again."""

    def __init__(self, tool):
        self.tool = tool

    def __call__(self, scenario, work, done):
        """(a) The archive is the old one or the new one; (b) exit code and message say which; (c) the same command again ends as
        one without a fault does; (d) what changed is told once over both."""
        problems, counts = [], {}
        state = None
        try:
            state = scenario.state(work)
            counts[state] = 1
        except Torn as torn:
            problems.append(f"torn: {torn}")
        if state in ("old", "part") and done.code == 0 and not scenario.in_parts:
            problems.append("exit 0, and it isn't done")
        if done.code == 124:
            problems.append("it doesn't end")
        problems += bad_words(done, state in ("new", "part"))
        again = self.tool.run(work, *scenario.command(work, "second"))
        if not scenario.healed(state, again):
            problems.append(f"the next one doesn't heal it: {again.told()}")
        else:
            found = self.finished(scenario, work)
            problems += [f"after the next one: {problem}" for problem in found]
            counts["healed"] = not found
        if scenario.tells and again.code == 0:
            self.told(scenario, work, counts, problems)
        return counts, problems

    def finished(self, scenario, work):
        """What is wrong at the end."""
        try:
            found = scenario.finished(work)
        except Torn as torn:
            return [f"torn: {torn}"]
        left = [str(path.relative_to(work)) for path in (work / "tmp").rglob("*") if path.is_file()]
        left = [path for path in left if not path.endswith(".lock")]
        return found + ([f"left in the temporary folder: {', '.join(left[:3])}"] if left else [])

    def told(self, scenario, work, counts, problems):
        """Each change once over both files; twice only counts."""
        told, expected = scenario.told(work), scenario.changes
        lost = expected.keys() - {run_id for run_id, _ in told}
        more = {run_id for run_id, _ in told} - expected.keys()
        twice = len(told) - len(set(told))
        if lost:
            problems.append(
                f"{len(lost)} of {len(expected)} changes were committed and told by neither, such as {sorted(lost)[0]}"
            )
        if more:
            problems.append(f"{len(more)} changes are told that weren't made, such as {sorted(more)[0]}")
        counts["told"] = not lost and not more
        counts["told_twice"] = twice > 0
