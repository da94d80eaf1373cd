"""Values are written as TOML whatever they contain; templates are what their files should be."""

from __future__ import annotations

import tomllib

import pytest
import yaml
from hypothesis import example, given
from hypothesis.strategies import characters, text

from kore_campaigns.cli.commands import PARTS as FLAGS
from kore_campaigns.cli.init import PARTS, QUESTIONS, TEMPLATES, Question, _toml
from kore_campaigns.config.csv_files import EVERY, read_campaign_ids
from kore_campaigns.views.apply import VIEWS


@given(text(characters(codec="utf-8")))
@example('"quoted" \\ and \x7f')
@example("\U0001f600 \r\n\t\0")
def test_any_text_is_written_as_a_toml_string(value: str) -> None:
    assert tomllib.loads(f"x = {_toml(value)}") == {"x": value}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_each_template_has_a_comment_to_fill_in(question: Question) -> None:
    file = TEMPLATES / "project" / question.file.removeprefix(".dlt/")
    lines = file.read_text(encoding="utf-8").splitlines()

    assert len([line for line in lines if line.startswith(f'# {question.key} = "')]) == 1


def test_a_new_project_has_every_campaign() -> None:
    (campaign,) = read_campaign_ids(TEMPLATES / "project" / "campaign_ids.csv")

    assert campaign.campaign_id == EVERY


def test_each_part_has_a_flag() -> None:
    assert [name for name, _ in FLAGS] == list(PARTS)


def test_the_sources_of_dbt_are_views() -> None:
    text = (TEMPLATES / "dbt" / "models" / "sources.yml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(text)["sources"]

    assert [table["name"] for table in source["tables"]] == [*VIEWS]
