"""Compares what `builder verify` says of an archive with what engines do with it."""

import json

from suite import BUILDER, run


class Verdict:
    """What `builder verify --json` says of an archive."""

    def __init__(self, archive):
        done = run(BUILDER, "verify", "--json", archive)
        # Of what is no image at all there is an error instead of a report.
        report = json.loads(done.stdout) if done.stdout else {"problems": [{"message": done.stderr.strip()}]}
        self.status = done.returncode
        self.problems = report["problems"]
        # What only versions before today's refuse is a note.
        self.notes = [note for note in report.get("notes", ()) if "refusedBy" in note]
        self.are_all_told = not report.get("moreProblems")

    @property
    def is_inconsistent(self):
        """Whether something is wrong with the image whoever reads it; engines may then do what they like."""
        return any("refusedBy" not in problem for problem in self.problems)

    def refusal(self, engine, version):
        """What it says of why an engine of that version refuses the archive; None if it says nothing of that."""
        for problem in self.problems + self.notes:
            for refusing in problem.get("refusedBy", ()):
                if refusing["engine"] == engine and concerns(refusing, version):
                    return problem["message"]
        return None


def concerns(refusing, version):
    """Whether a version is one of those that refuse: from `since` on, and before `until`, where these are given."""
    since, until = refusing["since"], refusing["until"]
    return (since is None or parts(version) >= parts(since)) and (until is None or parts(version) < parts(until))


def parts(version):
    return [int(part) for part in version.split(".") if part]


def disagreements(engines, answers, verdict):
    """What engines and `verify` say of one archive, where they do not agree. An engine was not asked if its answer is None."""
    is_panic = verdict.status < 0 or verdict.status > 100
    if is_panic or (verdict.status == 0) != (not verdict.problems):
        return [f"`verify` ends with status {verdict.status} and tells {len(verdict.problems)} problems"]
    # Those that say the same are told in one line, with the words of the first.
    lines = {}
    for engine, answer in zip(engines, answers):
        if answer is not None and (found := disagreement(engine, answer, verdict)):
            sentence, words = found
            lines.setdefault(sentence, ([], words))[0].append(engine.name)
    return [f"{', '.join(names)}: {sentence}: {words}" for sentence, (names, words) in lines.items()]


def disagreement(engine, answer, verdict):
    """A sentence, and words of the one that refuses, if the two do not agree; else None."""
    # Docker on containerd's store is as much the one as the other.
    said = [verdict.refusal(name, version) for name, version in engine.who]
    if answer.accepted and all(said):
        return "taken, though `verify` says that it is not", said[0]
    if not answer.accepted and not any(said) and not verdict.is_inconsistent and verdict.are_all_told:
        return f"refused at {answer.refused_at}, of which `verify` says nothing", answer.words
    return None
