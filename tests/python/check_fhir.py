#!/usr/bin/env python3
"""FHIR for the check of health links: examples to share, and a judge of what comes out.

  check_fhir.py examples DIR   writes labs.json and chart.json, a small and a long resource
  check_fhir.py trail DIR      fhir.resources reads events.json; it, trail.json and disclosures.csv say what happened
"""

import csv
import json
import sys
from pathlib import Path

from fhir.resources.R4B import get_fhir_model_class

BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"
READER = "Outside checker, ward 4"


def examples(folder: Path) -> None:
    labs = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}]},
        "subject": {"identifier": {"value": "4711"}},
        "valueQuantity": {"value": 13.2, "unit": "g/dL"},
        "note": [{"text": "A secret finding"}],
    }
    entry = {"fullUrl": "urn:uuid:8b7a1c0e-0000-4000-8000-000000000001", "resource": labs}
    chart = {"resourceType": "Bundle", "type": "collection", "entry": [entry] * 300}
    for name, resource in (("labs", labs), ("chart", chart)):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        (folder / f"{name}.json").write_text(json.dumps(resource))


def trail(folder: Path) -> None:
    bundle = json.loads((folder / "events.json").read_text())
    get_fhir_model_class("Bundle").model_validate(bundle)
    resources = [entry["resource"] for entry in bundle["entry"]]
    kinds = {}
    for resource in resources:
        # One by one too, so that none is taken for a resource of another type.
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        kinds.setdefault(resource["resourceType"], []).append(resource)
    assert set(kinds) == {"AuditEvent", "Consent", "DocumentReference"}, kinds.keys()
    refuses_nonsense(kinds["AuditEvent"][0])

    events = kinds["AuditEvent"]
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])
    disclosures = [event for event in events if event.get("meta", {}).get("profile") == [BALP]]
    for event in disclosures:
        is_source = lambda agent: agent["type"]["coding"][0]["code"] == "110153"  # noqa: E731
        source, recipient = sorted(event["agent"], key=is_source, reverse=True)
        assert event["type"]["code"] == "110106" and event["subtype"][0]["code"] == "disclose" and event["action"] == "R"
        assert source["who"] == event["source"]["observer"] and "network" in source and "network" in recipient
        assert recipient["who"]["display"] == READER
        patients = [entity for entity in event["entity"] if entity["type"]["code"] == "1"]
        assert [entity["what"]["identifier"]["value"] for entity in patients] == ["4711"]
    statuses = sorted(consent["status"] for consent in kinds["Consent"])
    # One was revoked here, and one by the second device, which its gateway told.
    assert statuses.count("inactive") == 2, statuses

    rows = list(csv.DictReader((folder / "disclosures.csv").open(newline="")))
    assert list(rows[0]) == ["date", "recipient", "description", "purpose"]
    assert len(rows) == len(disclosures) and all(row["recipient"] == READER for row in rows)
    assert {row["description"] for row in rows} == {"Labs (Observation, Bundle)", "Observation"}
    assert {row["purpose"] for row in rows} == {"TREAT", ""}

    listed = json.loads((folder / "trail.json").read_text())["entries"]
    what = [entry["what"] for entry in listed]
    assert what.count("link_made") == 7 and what.count("link_changed") == 1 and what.count("link_ended") == 2, what
    assert what.count("refused") == 5 and what.count("locked") == 1, what
    assert len(listed) == len(events)
    print(f"fhir.resources reads {len(resources)} resources, {len(disclosures)} of them disclosures of one patient's record")


def refuses_nonsense(event: dict) -> None:
    """A judge who takes anything is none."""
    try:
        get_fhir_model_class("AuditEvent").model_validate(event | {"nonsense": True})
    except ValueError:
        return
    sys.exit("fhir.resources takes a field that does not exist")


if __name__ == "__main__":
    {"examples": examples, "trail": trail}[sys.argv[1]](Path(sys.argv[2]))
