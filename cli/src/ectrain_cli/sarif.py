"""Labels as SARIF 2.1.0, which editors and CI services read.

Source: OASIS, Static analysis results interchange format (SARIF) version 2.1.0 (2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ectrain import __version__

if TYPE_CHECKING:
    from ectrain.label_prediction import LabelInfo, Said
    from ectrain_cli.labelled_file import Infos, LabelledFile
    from ectrain_cli.sources import Skipped

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(
    files: Sequence[LabelledFile], infos: Infos, skipped: Sequence[Skipped]
) -> dict[str, Any]:
    """Return a log with one run: a rule for each label, a result for each that a file has."""
    catalogues = _catalogues(infos)
    rules = [_rule(task, info, catalogues) for task, own in infos.items() for info in own.values()]
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": "ectrain", "version": __version__, "rules": rules}
    run: dict[str, Any] = {"tool": {"driver": driver}}
    if catalogues:
        names = enumerate(catalogues)
        driver["supportedTaxonomies"] = [{"name": name, "index": n} for n, name in names]
        run["taxonomies"] = [
            {"name": name, "isComprehensive": False, "taxa": [{"id": x} for x in ids]}
            for name, ids in catalogues.items()
        ]
    run["invocations"] = [
        {"executionSuccessful": True, "toolExecutionNotifications": [*map(_notice, skipped)]}
    ]
    run["artifacts"] = [{"location": {"uri": _uri(file.name)}} for file in files]
    run["results"] = [result for file in files for result in _results(file, infos, places)]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _catalogues(infos: Infos) -> dict[str, list[str]]:
    """Return the taxa that labels name, by taxonomy, both in order."""
    taxa = {taxon for own in infos.values() for info in own.values() for taxon in info.taxa}
    names = sorted({taxon.taxonomy for taxon in taxa})
    return {name: sorted(taxon.id for taxon in taxa if taxon.taxonomy == name) for name in names}


def _rule(task: str, info: LabelInfo, catalogues: dict[str, list[str]]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": f"{task}/{info.name}",
        "name": info.name,
        "shortDescription": {"text": info.title},
        "fullDescription": {"text": info.help or info.title},
        "help": {"text": info.help or info.title},
        "defaultConfiguration": {"level": info.level},
        "properties": {"tags": [task, *map(str, info.taxa)]},
    }
    if info.taxa:
        rule["relationships"] = [
            {
                "target": {
                    "id": taxon.id,
                    "index": catalogues[taxon.taxonomy].index(taxon.id),
                    "toolComponent": {
                        "name": taxon.taxonomy,
                        "index": [*catalogues].index(taxon.taxonomy),
                    },
                },
                "kinds": ["superset"],
            }
            for taxon in info.taxa
        ]
    return rule


def _results(file: LabelledFile, infos: Infos, places: dict[str, int]) -> Iterator[dict[str, Any]]:
    for task, said in file.given():
        info = infos[task][said.label]
        rule = f"{task}/{said.label}"
        result: dict[str, Any] = {
            "ruleId": rule,
            "ruleIndex": places[rule],
            "level": info.level,
            "message": {"text": _message(info, said)},
            "locations": [_location(file, said.lines[0].line if said.lines else None)],
            "rank": round(100 * said.probability, 2),
            "properties": {"probability": said.probability, "threshold": said.threshold},
        }
        if said.lines[1:]:
            result["relatedLocations"] = [
                {
                    "id": number,
                    "message": {"text": "This line speaks for it, too."},
                    **_location(file, evidence.line),
                }
                for number, evidence in enumerate(said.lines[1:], 1)
            ]
        yield result


def _message(info: LabelInfo, said: Said) -> str:
    taxa = f" ({', '.join(map(str, info.taxa))})" if info.taxa else ""
    return f"{info.title}{taxa}: {info.name} with probability {said.probability:.2f}."


def _location(file: LabelledFile, line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(file.name)}}
    if line is not None:
        text = file.text.split("\n")[line - 1].removesuffix("\r")
        place["region"] = {"startLine": line, "endLine": line, "snippet": {"text": text}}
    return {"physicalLocation": place}


def _notice(skipped: Skipped) -> dict[str, Any]:
    return {
        "level": "warning",
        "message": {"text": f"Not read: {skipped.why}."},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(skipped.name)}}}],
    }


def _uri(name: str) -> str:
    """Return a path as a URI; a relative one stays relative."""
    return Path(name).as_uri() if Path(name).is_absolute() else quote(name)
