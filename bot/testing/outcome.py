"""How a conversation test went, whichever way it was run."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.project.story_yaml import WrittenStep, WrittenStory, annotated
from bot.testing.meaning import compared, meanings
from bot.testing.told import Said
from nlu.parse import Parse


@dataclass(frozen=True, slots=True)
class Choice:
    """An action, intent or entity of a story, and what was predicted in its place."""

    expected: str
    predicted: str

    @property
    def right(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.predicted


@dataclass(frozen=True, slots=True)
class Outcome:
    """A story as it was written, with comments where it went another way.

    ``choices`` are its actions, ``meanings`` its intents and entities as far as NLU was asked;
    ``mistakes`` and ``warnings`` are sentences with their places.
    """

    name: str
    place: str
    steps: tuple[WrittenStep, ...]
    choices: tuple[Choice, ...]
    meanings: tuple[Choice, ...] = ()
    mistakes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all went as told."""
        return not self.mistakes

    @property
    def file(self) -> str:
        """The file that tells it."""
        return self.place.rpartition(":")[0]

    def written(self) -> WrittenStory:
        """The story for a file, its own file named behind its name."""
        return WrittenStory(f"{self.name} ({self.file})", self.steps)


@dataclass(slots=True)
class Draft:
    """An outcome in the making."""

    name: str
    place: str
    steps: list[WrittenStep] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    meanings: list[Choice] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def act(self, expected: str, predicted: str, place: str, *, silent: bool = False) -> None:
        """An action is due. A ``silent`` one, such as listening, is written only when wrong."""
        choice = Choice(expected, predicted)
        self.choices.append(choice)
        if not choice.right:
            self.mistakes.append(f"{place}: {predicted} instead of {expected}")
        if not (silent and choice.right):
            comment = "" if choice.right else f"predicted: {predicted}"
            self.steps.append(WrittenStep({"action": expected}, comment))

    def understand(self, said: Said, found: Parse) -> str:
        """NLU read what the user said; the comment on the step where that was wrong."""
        self.meanings += [Choice(*pair) for pair in meanings(said, found)]
        comment = compared(said, found)
        if comment:
            told = f"{said.intent}: {annotated(said.text, said.entities)}"
            meant = comment.removeprefix("predicted: ")
            self.mistakes.append(f"{said.place}: understood as {meant} instead of {told}")
        return comment

    def finished(self) -> Outcome:
        """The outcome."""
        return Outcome(
            self.name,
            self.place,
            tuple(self.steps),
            tuple(self.choices),
            tuple(self.meanings),
            tuple(self.mistakes),
            tuple(self.warnings),
        )
