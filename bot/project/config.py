"""Reads config.yml: language, NLU pipeline, policies, imported projects."""

from __future__ import annotations

import re

from bot.project.component_options import check_options, is_default
from bot.project.ignored import said
from bot.project.names import did_you_mean
from bot.project.node import Node
from bot.project.project import Component, Config
from bot.project.report import Report

KNOWN_KEYS = (
    "recipe",
    "version",
    "language",
    "languages",
    "assistant_id",
    "pipeline",
    "policies",
    "importers",
    "imports",
)
LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]+)*")
IMPORTERS = ("RasaFileImporter", "MultiProjectImporter")
PIPELINE_COMPONENTS = frozenset(
    (
        "WhitespaceTokenizer",
        "JiebaTokenizer",
        "MitieTokenizer",
        "SpacyTokenizer",
        "MitieNLP",
        "SpacyNLP",
        "MitieFeaturizer",
        "SpacyFeaturizer",
        "ConveRTFeaturizer",
        "LanguageModelFeaturizer",
        "RegexFeaturizer",
        "CountVectorsFeaturizer",
        "LexicalSyntacticFeaturizer",
        "MitieIntentClassifier",
        "LogisticRegressionClassifier",
        "SklearnIntentClassifier",
        "KeywordIntentClassifier",
        "DIETClassifier",
        "FallbackClassifier",
        "MitieEntityExtractor",
        "SpacyEntityExtractor",
        "CRFEntityExtractor",
        "DucklingEntityExtractor",
        "GrammarEntityExtractor",
        "RegexEntityExtractor",
        "EntitySynonymMapper",
        "ResponseSelector",
        "FaqRetriever",
    )
)
POLICIES = frozenset(
    (
        "RulePolicy",
        "MemoizationPolicy",
        "AugmentedMemoizationPolicy",
        "UnexpecTEDIntentPolicy",
        "TEDPolicy",
        "ResponseRankingPolicy",
    )
)
FORMER = {
    "FormPolicy": "RulePolicy runs forms.",
    "MappingPolicy": "Write a rule for each intent it mapped.",
    "FallbackPolicy": "FallbackClassifier and RulePolicy fall back.",
    "TwoStageFallbackPolicy": "Write a rule: nlu_fallback, action_two_stage_fallback.",
    "KerasPolicy": "TEDPolicy learns from stories.",
    "EmbeddingPolicy": "TEDPolicy learns from stories.",
    "SklearnPolicy": "TEDPolicy learns from stories.",
    "ConveRTTokenizer": "The model brings its own; remove it.",
    "LanguageModelTokenizer": "The model brings its own; remove it.",
    "HFTransformersNLP": "The model brings its own; remove it.",
    "EmbeddingIntentClassifier": "DIETClassifier names the model.",
    "DucklingHTTPExtractor": "It is called DucklingEntityExtractor now.",
}
"""What was gone before Rasa 3, and what does its work."""
DEFAULT_PIPELINE = (
    Component("WhitespaceTokenizer"),
    Component("DIETClassifier"),
    Component("EntitySynonymMapper"),
    Component("ResponseSelector"),
    Component("FallbackClassifier", {"threshold": 0.3, "ambiguity_threshold": 0.1}),
)
DEFAULT_POLICIES = (Component("MemoizationPolicy"), Component("RulePolicy"))


def read_config(root: Node | None, report: Report) -> Config:
    """The configuration; what is missing gets Parley's defaults."""
    if root is None or root.value is None:
        return Config(pipeline=DEFAULT_PIPELINE, policies=DEFAULT_POLICIES)
    keys = root.mapping("config.yml")
    for key in keys:
        if key not in KNOWN_KEYS and did_you_mean(key, KNOWN_KEYS):
            report.warn(
                root.wrong_key(
                    key,
                    f"config.yml has the key '{key}', which is not read.",
                    did_you_mean(key, KNOWN_KEYS),
                )
            )
    return Config(
        language=_text(keys.get("language"), "language", report) or "en",
        languages=_languages(keys.get("languages"), report),
        assistant_id=_text(keys.get("assistant_id"), "assistant_id", report),
        pipeline=_components(keys.get("pipeline"), "pipeline", PIPELINE_COMPONENTS, report)
        or DEFAULT_PIPELINE,
        policies=_components(keys.get("policies"), "policies", POLICIES, report)
        or DEFAULT_POLICIES,
    )


def _languages(node: Node | None, report: Report) -> tuple[str, ...]:
    """The bot's languages, Parley's own key; Rasa passes over it."""
    if node is None or node.value is None:
        return ()
    codes = [(_text(item, "language", report) or "", item) for item in node.sequence("languages")]
    for code, item in codes:
        if not LANGUAGE.fullmatch(code):
            said = f"the language {code!r} is no code."
            report.add("error", item.wrong(said, "Write 'en' for English, 'zh' for Chinese."))
    return tuple(code for code, _ in codes if LANGUAGE.fullmatch(code))


def imports_projects(root: Node | None, report: Report) -> bool:
    """Whether a config.yml asks for the projects under its ``imports``.

    Raises ProjectError where it names an importer that is Python code.
    """
    if root is None or not isinstance(root.value, dict):
        return False
    section = root.value.get("importers")
    items = section.sequence("importers") if section is not None and section.value else []
    names = [(_component(item, "importers").name, item) for item in items]
    for name, item in names:
        if name.startswith("rasa.") or "." not in name:
            name = name.rpartition(".")[2]
        if name not in IMPORTERS:
            raise item.wrong(
                f"the importer '{name}' is Python code written for Rasa, which is not run here.",
                "Known: RasaFileImporter, MultiProjectImporter. Files of other places can be given "
                "with --domain and --data.",
            )
    wanted = any(name.endswith("MultiProjectImporter") for name, _ in names)
    if not wanted and "imports" in root.value:
        report.warn(
            root.wrong_key(
                "imports",
                "imports is passed over, as Rasa does without a MultiProjectImporter.",
                "Add importers: [{name: MultiProjectImporter}].",
            )
        )
    return wanted


def imported_paths(root: Node | None) -> list[Node]:
    """The folders under ``imports:`` of a config.yml."""
    if root is None or not isinstance(root.value, dict):
        return []
    section = root.value.get("imports")
    return section.names("an import") if section is not None and section.value else []


def _text(node: Node | None, what: str, report: Report) -> str | None:
    if node is not None and node.value is not None:
        with report.going_on():
            return node.name(what)
    return None


def _components(
    node: Node | None, section: str, known: frozenset[str], report: Report
) -> tuple[Component, ...]:
    if node is None or node.value is None:
        return ()
    if isinstance(node.value, str):
        raise node.wrong(
            f"{section} must be a list (lines that begin with -), not {node.kind}.",
            f"Templates are of Rasa 1; without {section} Parley's defaults apply.",
        )
    components: list[Component] = []
    with report.going_on():
        for item in node.sequence(section):
            with report.going_on():
                component = _component(item, section)
                components.append(component)
                _warn_if_unknown(component, item, section, known, report)
    if sentence := said(components):
        report.note(node.wrong(f"{section}: {sentence}"))
    return tuple(components)


def _warn_if_unknown(
    component: Component, item: Node, section: str, known: frozenset[str], report: Report
) -> None:
    name = component.name.rsplit(".", 1)[-1]
    if name in known:
        return
    if name in FORMER:
        message, hint = f"{section} names '{name}', which is of Rasa 2 or older.", FORMER[name]
    elif "." in component.name:
        message = (
            f"{section} names '{component.name}': Python code, which is not run if it is Rasa's."
        )
        hint = "An extractor of Parley may stand there: docs/extending.md."
    else:
        message = f"{section} names '{component.name}', not known here."
        hint = did_you_mean(component.name, known)
    report.warn(item.wrong(message, hint))


def _component(item: Node, section: str) -> Component:
    if not isinstance(item.value, dict):
        return Component(item.name(f"the name of a component of {section}"))
    if "name" not in item.value:
        raise item.wrong(f"a component of {section} has no name.", "Write - name: RulePolicy.")
    name = item.value["name"].name(f"the name of a component of {section}")
    options = {key: node for key, node in item.value.items() if key != "name"}
    check_options(name, options)
    given = {key: node.plain() for key, node in options.items() if not is_default(key, node)}
    return Component(name, given)
