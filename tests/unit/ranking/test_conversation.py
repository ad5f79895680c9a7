"""A conversation led by the ranker where rules say nothing, and by the FAQ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.actions.remote import RemoteActions
from bot.dialogue.events import ActionExecuted
from bot.dialogue.messages import Message
from bot.inbox import Inbox
from bot.model.faq import WithFaq, retrievers, serve_faq
from bot.model.ranking import ranked_policies, responses_of, serve_ranker
from bot.project.load import load_project
from bot.project.project import Project
from bot.services import Services
from bot.testing.services import memory_services
from nlu.parse import Context, Intent, Parse
from nlu.ranking.certainty import Certainty
from nlu.ranking.faq import FaqIndex, index_vectors
from nlu.ranking.ranker import Ranker, read_candidates
from tests.words import Words

FILES = {
    "config.yml": """
pipeline:
- {name: KeywordIntentClassifier}
- {name: FaqRetriever, folder: faq, threshold: 0.3}
policies:
- {name: RulePolicy}
- {name: ResponseRankingPolicy, threshold: 0.6}
""",
    "domain.yml": """
intents: [greet, other]
responses:
  utter_greet: [{text: hello}]
  utter_parcel: [{text: your parcel comes tomorrow}]
  utter_shoes: [{text: our shoes are red}]
  utter_default: [{text: sorry}]
""",
    "data/rules.yml": """
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: faq, steps: [{intent: faq}, {action: utter_faq}]}
""",
    "faq/shop.md": "## when do you open\nAt nine.\n## how much is the postage\nFive euros.\n",
}


class Nlu:
    """Knows one word."""

    model_id, queue_length = "m-1", 0

    async def parse(self, text: str, context: Context | None = None) -> Parse:
        return Parse(text, Intent("greet" if text == "hi" else "other", 0.2))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return load_project(tmp_path)


@pytest.fixture
async def parley(project: Project, words: Words) -> AsyncIterator[Services]:
    candidates = responses_of(project.domain)
    ranker = Ranker(
        *(words, candidates, read_candidates(candidates, words)),
        most_lines=1,
        certainty=Certainty(8.0, 4.0, -4.0),
        threshold=0.9,
    )
    index = FaqIndex(project.faq, index_vectors(project.faq, words), words)
    async with (
        serve_ranker(ranker) as ranking,
        serve_faq(index, retrievers(project)) as faq,
    ):
        services = memory_services(project, WithFaq(Nlu(), faq), RemoteActions(None))
        policies = (*services.bot.policies, *ranked_policies(project, ranking))
        yield replace(services, bot=replace(services.bot, policies=policies, ranking=ranking))


async def answer(parley: Services, text: str) -> list[str | None]:
    async with Inbox(parley) as inbox:
        replies = await inbox.answer(Message("ada", text, received=1.0), 10.0)
    return [reply.text for reply in replies]


async def test_a_rule_is_followed_where_there_is_one(parley: Services):
    assert await answer(parley, "hi") == ["hello"]


async def test_the_ranker_answers_where_no_rule_does_and_then_the_bot_listens(parley: Services):
    assert await answer(parley, "your parcel comes") == ["your parcel comes tomorrow"]
    history = await parley.log.history("ada")
    done = [e for e in history.events if isinstance(e, ActionExecuted)][-2:]
    assert [each.name for each in done] == ["utter_parcel", "action_listen"]
    assert {each.policy for each in done} == {"ResponseRankingPolicy"}


async def test_the_bot_falls_back_where_nothing_is_sure(parley: Services):
    assert await answer(parley, "quantum chromodynamics") == ["sorry"]


async def test_a_question_of_the_faq_gets_its_answer_by_a_rule(parley: Services):
    assert await answer(parley, "when do you open") == ["At nine."]
    assert await answer(parley, "how much is the postage") == ["Five euros."]
