"""Catalogs of words for translators: what `playground.words.tr` marks anywhere in the program, by Babel.

``python tests/translations.py FILE.pot`` writes all sentences; ``python tests/translations.py de`` brings
resources/locale/de/LC_MESSAGES/playground.po up to date (new sentences are added, those that are gone leave) and compiles it.
"""

import sys
from pathlib import Path

from babel.messages import Catalog, extract, mofile, pofile

from playground.data.gallery import real_sets
from playground.experiment import DataSpec, Experiment, NetworkSpec, TrainingSpec
from playground.experiment.fields import Choice, Layers, fields_of
from playground.words import DOMAIN

REPOSITORY = Path(__file__).resolve().parent.parent
LOCALE = REPOSITORY / "resources" / "locale"
# How each function of words.py takes its sentences: the first word, or one for one thing and one for many.
KEYWORDS = {"tr": None, "trn": (1, 2)}


def catalog_of_sentences() -> Catalog:
    """Every sentence that is marked in the program, without translations."""
    catalog = Catalog(project="Neural Playground", charset="utf-8")
    found = extract.extract_from_dir(REPOSITORY / "playground", [("**.py", "python")], keywords=KEYWORDS)
    for path, line, message, comments, context in found:
        catalog.add(message, None, [(path, line)], auto_comments=comments, context=context)
    seen: set[type] = set()
    for spec in (Experiment, DataSpec, NetworkSpec, TrainingSpec):
        for text in texts_of_fields(spec, seen):
            catalog.add(text)
    for words in real_sets().values():
        catalog.add(words["title"])
        catalog.add(words["description"])
    return catalog


def texts_of_fields(spec: type, seen: set[type]) -> set[str]:
    """Names in words and descriptions of a spec's fields, of what may be chosen for them, and so on down."""
    seen.add(spec)
    found = set()
    for field in fields_of(spec):
        found |= {field.title, field.description}
        kind = field.kind.item if isinstance(field.kind, Layers) else field.kind
        for option in kind.options if isinstance(kind, Choice) else ():
            found |= {option.title, option.description}
            if option.spec is not None and option.spec not in seen:
                found |= texts_of_fields(option.spec, seen)
    return found - {""}


def write_mo(catalog: Catalog, folder: Path, language: str) -> Path:
    """Compile a catalog into a folder of catalogs."""
    path = folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        mofile.write_mo(file, catalog)
    return path


def update(language: str) -> Path:
    """Bring a language's catalog up to date and compile it; the path of what translators edit."""
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if path.exists():
        with path.open("rb") as file:
            catalog = pofile.read_po(file, locale=language)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = Catalog(locale=language, project="Neural Playground", charset="utf-8")
    catalog.update(catalog_of_sentences(), no_fuzzy_matching=True)
    with path.open("wb") as file:
        pofile.write_po(file, catalog, width=120, no_location=True, ignore_obsolete=True)
    write_mo(catalog, LOCALE, language)
    return path


def main(words: list[str]) -> int:
    """Carry out what the words ask for."""
    if len(words) != 1:
        print(__doc__)
        return 2
    if words[0].endswith(".pot"):
        with open(words[0], "wb") as file:
            pofile.write_po(file, catalog_of_sentences(), width=120)
        print(words[0])
    else:
        print(update(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
