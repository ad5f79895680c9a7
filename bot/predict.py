"""The policies are asked; the surest one decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.dialogue.domain import DEFAULT_ACTIONS, Domain
from bot.dialogue.events import ActionExecuted, ActionExecutionRejected, Event, UserFeaturization
from bot.dialogue.learned import Modelled, Names, Texts, learned_policies, unread
from bot.dialogue.memory import AugmentedMemoizationPolicy, MemoizationPolicy
from bot.dialogue.policy import LISTEN, Policy, Prediction
from bot.dialogue.rules import RulePolicy
from bot.dialogue.ruletable import OnlyInRules
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker
from bot.project.project import Component, Project
from bot.services import Bot, Services
from nlu.policy import PolicyModel

FOLLOWUP = "followup_action"
NLU_CONFIDENCE = "use_nlu_confidence_as_score"

log = structlog.get_logger(__name__)


def make_policies(
    project: Project, learned: PolicyModel | None = None, texts: Texts = unread
) -> tuple[Policy, ...]:
    """The policies that config.yml names, built from stories and rules.

    Those that learn are there only with the model that was trained for them, ``learned``;
    ``texts`` tells it what users' words are about.
    """
    entries = {entry.name.rsplit(".", 1)[-1]: entry for entry in project.config.policies}
    stories = [story for story in project.stories if not story.is_rule]
    policies: list[Policy] = []
    only_in_rules = OnlyInRules()
    if (entry := entries.get(RulePolicy.name)) is not None:
        rule_policy = _rule_policy(entry, project, stories)
        only_in_rules = rule_policy.only_in_rules
        policies.append(rule_policy)
    for kind in (MemoizationPolicy, AugmentedMemoizationPolicy):
        if (entry := entries.get(kind.name)) is not None:
            max_history = entry.options.get("max_history")
            policies.append(
                kind(
                    stories,
                    project.domain,
                    max_history=max_history,
                    only_in_rules=only_in_rules,
                    nlu_confidence=entry.options.get(NLU_CONFIDENCE) is True,
                )
            )
    if learned is not None:
        options = {name: entry.options for name, entry in entries.items()}
        policies += learned_policies(learned, _names(learned), options, only_in_rules, texts)
    for policy in policies:
        if (entry := entries.get(policy.name)) and isinstance(entry.options.get("priority"), int):
            policy.priority = entry.options["priority"]
    return tuple(policies)


def _names(model: PolicyModel) -> Names:
    manifest = model.manifest
    return Names(
        columns=manifest.columns,
        actions=manifest.actions,
        intents=manifest.intents,
        max_history=manifest.max_history,
        floors=manifest.floors,
        temperature=manifest.temperature,
        answers=manifest.answers,
    )


def _rule_policy(entry: Component, project: Project, stories: Sequence[Story]) -> RulePolicy:
    options = entry.options
    falls_back = options.get("enable_fallback_prediction", True)
    return RulePolicy(
        [story for story in project.stories if story.is_rule],
        stories,
        project.domain,
        fallback_threshold=options.get("core_fallback_threshold", 0.3) if falls_back else None,
        fallback_action=options.get("core_fallback_action_name", "action_default_fallback"),
        nlu_confidence=options.get(NLU_CONFIDENCE) is True,
    )


def predict(tracker: Tracker, parley: Services) -> Prediction:
    """What to do next. Its ``events`` go into the log before the action."""
    if tracker.followup_action:
        if knows_action(tracker.followup_action, parley.bot.domain):
            return Prediction(tracker.followup_action, 1.0, FOLLOWUP)
        log.error("followup.unknown", action=tracker.followup_action)
    predictions = _asked(tracker, parley.bot)
    chosen = best(predictions)
    events: tuple[Event, ...] = tuple(event for each in predictions for event in each.events)
    events += chosen.optional_events
    if tracker.latest_action_name == LISTEN:
        events += (UserFeaturization(use_text_for_featurization=chosen.is_end_to_end),)
    return replace(chosen, events=events)


def _asked(tracker: Tracker, bot: Bot) -> list[Prediction]:
    """What the policies say; one that has a model only where that can make a difference."""
    rejected = _just_rejected(tracker)
    predictions: list[Prediction] = []
    for policy in bot.policies:
        if isinstance(policy, Modelled) and not policy.may_win(predictions, tracker):
            continue
        said = policy.predict(tracker, bot.domain)
        predictions.append(said if rejected is None else _without(rejected, said))
    return predictions


def knows_action(name: str, domain: Domain) -> bool:
    """Whether the bot can do ``name`` at all."""
    return (
        name in DEFAULT_ACTIONS
        or name in domain.actions
        or name in domain.forms
        or name in domain.responses
        or name in domain.e2e_actions
        or any(key.startswith(f"{name}/") for key in domain.responses)
    )


def best(predictions: Sequence[Prediction]) -> Prediction:
    """Of the predictions that did not need the user's words, else of all, the surest."""
    if not predictions:
        return Prediction(LISTEN, 0.0, "")
    for kind in ("is_no_user", "is_end_to_end"):
        if chosen := [each for each in predictions if getattr(each, kind)]:
            predictions = chosen
            break
    return max(predictions, key=lambda each: (each.confidence, each.priority))


def _without(rejected: str, prediction: Prediction) -> Prediction:
    """``prediction`` without the action that refused to run just now."""
    if not (prediction.scores or prediction.action == rejected):
        return prediction
    scores = dict(prediction.scores or {prediction.action: prediction.confidence})
    if scores.pop(rejected, None) is None:
        return prediction
    action = max(scores, key=lambda name: scores[name], default=LISTEN)
    return replace(prediction, action=action, confidence=scores.get(action, 0.0), scores=scores)


def _just_rejected(tracker: Tracker) -> str | None:
    for event in reversed(tracker.events):
        if isinstance(event, ActionExecutionRejected):
            return event.name
        if isinstance(event, ActionExecuted):
            return None
    return None
