"""The project that `rasa init` makes, trained here, in the conversations recorded with Rasa's own.

Free text is understood by another model than Rasa's, so it is compared by the share of steps that
are answered alike; payloads are answered exactly alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import running
from tests.conformance.projects import train
from tests.transcripts.golden import GOLDEN, load
from tests.transcripts.over_http import replay

RASA_INIT = GOLDEN.parent / "rasa-projects" / "rasa-init"
EPOCHS = 16  # the default recipe's
AT_LEAST = 0.9  # of the steps in free text

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.services,
    pytest.mark.torch,
    pytest.mark.timeout(900),
]


def test_the_first_bot_of_everybody_answers_as_rasas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = load("rasa_init_default")
    trained = train(RASA_INIT, tmp_path, epochs=EPOCHS)
    words = alike = 0
    with running(trained.folder, trained.home, {}) as run:
        for conversation in recording.conversations:
            found = replay(run.client, recording, conversation, sender=conversation["id"])
            told = [each for each in found if each.part == "bot"]
            if conversation["id"] == "payloads":
                assert not told
                continue
            words += len(conversation["steps"])
            alike += len(conversation["steps"]) - len({each.step for each in told})
    with capsys.disabled():
        sys.stdout.write(f"\nrasa-init: {alike}/{words} steps in free text are answered alike\n")
    assert alike / words >= AT_LEAST
