"""Presidio, if it is installed: finds names of people and places, and other personal data that the
app's own detectors do not find.

It runs in a child process of its own (shared.enrichment.analyzer_process), which loads the models
once. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

BLANK: Final = "blank"  # instead of a model: patterns alone, without names
# The app's own detectors find these. The recognizer of e-mail addresses would fetch a list from the
# internet.
_FOUND_BY_DETECTORS: Final = frozenset(
    {"EMAIL_ADDRESS", "EMAIL", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER"}
)
_NOT_PERSONAL: Final = frozenset({"URL", "DATE_TIME", "UUID", "ID"})
_LEAST_SCORE: Final = 0.5


class PresidioAnalyzer:
    """An analyzer for texts that may be in any of several languages."""

    def __init__(self, models: Mapping[str, str]) -> None:
        """`models`: for each language, such as `en`, the name of an installed spaCy model. Raises
        OSError if a model is not installed.
        """
        self._engine = _engine(models)
        self._entities = {
            language: sorted(
                set(self._engine.get_supported_entities(language))
                - _FOUND_BY_DETECTORS
                - _NOT_PERSONAL
            )
            for language in models
        }

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        for language, entities in self._entities.items():
            for match in self._engine.analyze(
                text, language=language, entities=entities, score_threshold=_LEAST_SCORE
            ):
                yield match.start, match.end, match.entity_type.lower()


def make_analyzer(models: Mapping[str, str]) -> PresidioAnalyzer:
    """The analyzer of these models by language; the child process calls this."""
    return PresidioAnalyzer(models)


def _engine(models: Mapping[str, str]) -> Any:
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    names = [{"lang_code": language, "model_name": name} for language, name in models.items()]
    nlp = SpacyNlpEngine(models=names)
    # its own `load` would download what is missing
    nlp.nlp = {
        language: spacy.blank(language) if name == BLANK else spacy.load(name)
        for language, name in models.items()
    }
    registry = RecognizerRegistry(supported_languages=list(models))
    registry.load_predefined_recognizers(languages=list(models), nlp_engine=nlp)
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=list(models))
