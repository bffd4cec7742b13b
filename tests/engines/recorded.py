"""What each engine did with each odd image when somebody last asked for all of them."""

import json
from pathlib import Path
from typing import NamedTuple

from engines import Answer

FILE = Path(__file__).resolve().parent / "recorded.json"
EVERYONE = "every engine takes it"


class Known(NamedTuple):
    """An engine by its name, and the programs and versions that `verify` may name for it."""

    name: str
    who: list


def outcome(engines, answers):
    """In which stage who refuses an archive, in words."""
    stages = {}
    for engine, answer in zip(engines, answers):
        if answer is None:
            stages.setdefault("not asked", []).append(engine.name)
        elif not answer.accepted:
            stages.setdefault(f"refused at {answer.refused_at}", []).append(engine.name)
    return "; ".join(f"{stage}: {', '.join(names)}" for stage, names in sorted(stages.items())) or EVERYONE


class Recorded:
    """For each group of images, and each image of it, the outcome."""

    def __init__(self):
        written = json.loads(FILE.read_text()) if FILE.exists() else {"engines": {}, "groups": {}}
        self.engines = [Known(name, [tuple(one) for one in who]) for name, who in written["engines"].items()]
        self.groups = {
            group: {name: outcome for outcome, names in outcomes.items() for name in names}
            for group, outcomes in written["groups"].items()
        }

    def answers(self, group, name):
        """What the engines answered to an image, in their order, without their words."""
        stages = {}
        if self.groups[group][name] != EVERYONE:
            for part in self.groups[group][name].split("; "):
                stage, names = part.split(": ")
                stages |= {name: stage for name in names.split(", ")}
        return [self.answer(stages.get(engine.name)) for engine in self.engines]

    def answer(self, stage):
        if stage == "not asked":
            return None
        return Answer(stage and stage.removeprefix("refused at "), "as recorded.json has it")

    def write(self):
        groups = {}
        for group, outcomes in self.groups.items():
            groups[group] = {}
            for name, what in outcomes.items():
                groups[group].setdefault(what, []).append(name)
            groups[group] = dict(sorted(groups[group].items()))
        written = {"engines": {engine.name: engine.who for engine in self.engines}, "groups": groups}
        FILE.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
