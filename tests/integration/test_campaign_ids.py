"""The file of ids that a person keeps: what is forgiven, and what is refused to the line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Emulate
from kore_campaigns.config.csv_files import ID, ConfiguredCampaign, read_campaign_ids
from kore_campaigns.errors import CampaignIdsInvalid
from kore_emulator import sample_campaigns
from support.project import Project

VOICE = "cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d"
SMS = "cd-b8c1f2e4-0a37-4d15-9c66-1f5e2d7a3b90"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "ids.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(folder: Path, content: str | bytes) -> list[str]:
    return [found.campaign_id for found in read_campaign_ids(written(folder, content))]


def refusal(folder: Path, content: str | bytes) -> CampaignIdsInvalid:
    with pytest.raises(CampaignIdsInvalid) as raised:
        read_campaign_ids(written(folder, content))
    return raised.value


@pytest.mark.parametrize(
    "content",
    [
        f"campaign_id\n{VOICE}\n{SMS}\n",
        f"campaign_id\n{VOICE}\n{SMS}",
        f"\ufeffcampaign_id\n{VOICE}\n{SMS}\n",
        f"campaign_id\r\n{VOICE}\r\n{SMS}\r\n",
        f"campaign_id\r{VOICE}\r{SMS}\r",
        f"\n\n# kept by Asha\n  \ncampaign_id\n\n{VOICE}\n,,\n{SMS}\n\n",
        f"campaign_id\n# the big one, paused in May\n{VOICE}\n   # indented\n{SMS}\n#{VOICE}1\n",
        f'campaign_id\n# a quote, "never closed\n{VOICE}\n# and another, "one\n{SMS}\n',
        f"  Campaign_ID \n  {VOICE}\t\n\u00a0{SMS}\u00a0\n",
        f"campaign_id,note\n{VOICE},\n{SMS}\n",
        f'campaign_id,note\n{VOICE},"Asha, Ravi and ""the others"""\n{SMS}, "blank before"\n',
        f"note,campaign_id\nfirst,{VOICE}\n,{SMS}\n",
        f'"campaign_id"\n"{VOICE}"\n"{SMS}"\n',
        f"campaign_id\n{VOICE},,\n{SMS}\n",
        f"campaign_id,,,\n{VOICE},,,\n{SMS},,,\n",
        f"\ufeffcampaign_id,note,,\r\n{VOICE},,,\r\n{SMS}\r\n",
        f"campaign_id\n{VOICE}\n{SMS}\n{VOICE}\n{SMS}\n",
    ],
)
def test_what_a_person_or_a_spreadsheet_does_to_a_file_is_forgiven(
    tmp_path: Path, content: str
) -> None:
    assert ids(tmp_path, content) == [VOICE, SMS]


def test_a_line_keeps_its_note_its_connection_and_where_it_stands(tmp_path: Path) -> None:
    content = f'campaign_id,note,connection\n\n{VOICE},"a, b",india\n{SMS}\n'

    assert read_campaign_ids(written(tmp_path, content)) == [
        ConfiguredCampaign(VOICE, note="a, b", connection="india", line=3),
        ConfiguredCampaign(SMS, note="", connection="", line=4),
    ]


def test_the_same_id_counts_once_per_connection(tmp_path: Path) -> None:
    content = f"campaign_id,connection\n{VOICE},india\n{VOICE},uk\n{VOICE},india\n{VOICE}\n"

    found = read_campaign_ids(written(tmp_path, content))

    assert [(one.connection, one.line) for one in found] == [("india", 2), ("uk", 3), ("", 5)]


@pytest.mark.parametrize(
    "campaign_id",
    [VOICE, SMS, "7", "...", "cd_1.2~3", "CD-UPPER", "ids:with:colons", "x" * 200],
)
def test_an_id_need_not_look_like_the_ones_we_know(tmp_path: Path, campaign_id: str) -> None:
    assert ids(tmp_path, f"campaign_id\n{campaign_id}\n") == [campaign_id]


@pytest.mark.parametrize(
    "campaign_id",
    [
        "cd 1", "cd/1", "cd\\1", "cd%2F1", "cd?x=1", "cd#1", "cd&1", "'cd-1'", "<cd-1>", "`cd-1`",
        "{cd-1}", "[cd-1]", "(cd-1)", ".", "..", "*cd", "cd;1", "cd|1", "cd-\x001", "cd-\x7f1",
        "cd-\u200b1", "\u2060cd-1", "cd\u00a01", "x" * 201, "cd-ü", "cd-1\u202a", "\u202dcd-1",
        "cd\u00ad-1", "\u0441d-1", "cd\u20101", "cd-\uff11", "cd-1\u200d", "cd-e\u0301",
    ],
)  # fmt: skip
def test_an_id_that_cannot_be_one_is_refused_with_file_line_and_value(
    tmp_path: Path, campaign_id: str
) -> None:
    error = refusal(tmp_path, f"campaign_id\n{VOICE}\n\n{campaign_id}\n")

    shown = "".join(sign if " " <= sign <= "~" else f"<U+{ord(sign):04X}>" for sign in campaign_id)
    assert (error.file, error.line, error.value) == (tmp_path / "ids.csv", 4, shown)
    assert f"ids.csv, line 4: found `{shown}`; expected a campaign id such as `cd-" in str(error)


def test_quotes_inside_an_id_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, f'campaign_id\n"cd-""1"""\n{VOICE}\n').value == 'cd-"1"'


def test_a_star_stands_alone_or_for_one_connection(tmp_path: Path) -> None:
    assert ids(tmp_path, "campaign_id\n*\n") == ["*"]
    assert ids(tmp_path, "campaign_id,connection\n*,us\ncd-1,eu\n") == ["*", "cd-1"]
    for others in ("cd-1\n*", "*\ncd-1"):
        error = refusal(tmp_path, f"campaign_id\n{others}\n")
        assert (error.value, "no other id next to `*`" in error.expected) == ("*", True)
    error = refusal(tmp_path, "campaign_id,connection\n*,us\ncd-1,\n")
    assert (error.line, "line 3 has one" in error.expected) == (2, True)


@pytest.mark.parametrize(
    ("content", "line", "value", "expected"),
    [
        (f"{VOICE}\n{SMS}\n", 1, VOICE, "the header `campaign_id`"),
        ("id\ncd-1\n", 1, "id", "the header `campaign_id`"),
        ("# first\ncampaign_id;note\ncd-1;x\n", 2, "campaign_id;note", "separate columns by comma"),
        ("campaign_id\tnote\ncd-1\tx\n", 1, "campaign_id\tnote", "separate columns by commas"),
        ("campaign_id,owner\ncd-1,x\n", 1, "campaign_id,owner", "optionally followed by `note`"),
        ("campaign_id,\ncd-1,x\n", 2, "cd-1,x", "1 value, as in the header"),
        ("campaign_id,,note\ncd-1\n", 1, "campaign_id,,note", "optionally followed by `note`"),
        ("campaign_id,note,note\ncd-1\n", 1, "campaign_id,note,note", "the header `campaign_id`"),
        ("campaign_id,note\n,only a note\n", 2, "", "a campaign id such as"),
        ("campaign_id,note\ncd-1,a, b\n", 2, "cd-1,a,b", 'a note that holds a comma in "quotes"'),
        ("campaign_id\ncd-1,cd-2\n", 2, "cd-1,cd-2", "1 value, as in the header"),
        ('campaign_id,note\ncd-1,"open\ncd-2,x\n', 3, None, "csv (unexpected end of data)"),
        ('campaign_id,note\ncd-1,"a\ncd-2\nb"\n', 2, "a", "a value on one line"),
        ('campaign_id,note\r\ncd-1,"\r\ncd-2\r\n"\r\n', 2, "", "its quotes closed"),
        ("", None, None, "the file is empty"),
        ("# nothing\n\n", None, None, "the file is empty"),
        ("campaign_id,note\n\n# cd-1\n", None, None, "at least one campaign id below the header"),
        ("campaign_id\ncd-ü\n".encode("cp1252"), 2, "fc 0a", "text in UTF-8 (in Excel: save as"),
        ("campaign_id\ncd-1\n".encode("utf-16"), 1, "ff fe 63 00", "text in UTF-8"),
        ("campaign_id\ncd-1\n".encode("utf-16-le"), 1, "c\x00a", "the header `campaign_id`"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_line_value_and_what_is_expected(
    tmp_path: Path, content: str | bytes, line: int | None, value: str | None, expected: str
) -> None:
    error = refusal(tmp_path, content)

    assert error.line == line
    assert (error.value or "").startswith(value or "")
    assert (error.value is None) == (value is None)
    assert expected in error.expected
    assert str(tmp_path / "ids.csv") in str(error)
    assert error.expected in str(error)
    assert error.exit_code == 2


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.csv", "it does not exist"), (tmp_path, "Is a directory")):
        with pytest.raises(CampaignIdsInvalid, match=reason) as raised:
            read_campaign_ids(path)
        assert raised.value.file == path


@pytest.mark.empty_database
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("campaign_id;note\ncd-1;x\n", "campaign_ids.csv, line 1: found `campaign_id;note`"),
        ("campaign_id\n*\ncd-1\n", "campaign_ids.csv, line 2: found `*`"),
        ("campaign_id\ncd-1\ncd 2\n", "campaign_ids.csv, line 3: found `cd 2`"),
        ("campaign_id\n", "campaign_ids.csv: expected at least one campaign id"),
        (None, "it does not exist"),
    ],
)
def test_a_wrong_file_ends_the_command_with_one_line_before_anything_is_asked(
    emulate: Emulate, project: Project, content: str | None, said: str
) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    file = project.folder / "campaign_ids.csv"
    file.unlink() if content is None else file.write_text(content, encoding="utf-8")

    ended = project.cli("run", "--json")

    assert (ended.code, kore.counters.requests) == (2, 0)
    assert ended.json["error_code"] == "campaign_ids_invalid"
    assert ended.err.count("\n") == 1
    assert said in ended.err
    assert not project.database.exists()


valid_ids = st.text(min_size=1, max_size=40).filter(
    lambda text: ID.fullmatch(text) and not text.startswith("\ufeff")
)
notes = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=20)
decorations = st.sampled_from(["", "\n", "  \n", "# a comment, \"with 'signs;\n", ",\n"])


@given(
    campaigns=st.lists(st.tuples(valid_ids, notes, decorations), min_size=1, max_size=20),
    before=decorations,
    bom=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    blanks=st.sampled_from(["", " ", "\t"]),
)
def test_any_ids_however_they_are_written_down_are_read_as_they_are(
    tmp_path_factory: pytest.TempPathFactory,
    campaigns: list[tuple[str, str, str]],
    before: str,
    bom: bool,
    line_end: str,
    blanks: str,
) -> None:
    text = io.StringIO()
    text.write(before if before != ",\n" else "")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["campaign_id", "note"])
    for campaign_id, note, decoration in campaigns:
        writer.writerow([f"{blanks}{campaign_id}{blanks}", note])
        text.write(decoration)
    content = ("\ufeff" if bom else "") + text.getvalue().replace("\n", line_end)
    folder = tmp_path_factory.mktemp("ids")

    assert ids(folder, content) == list(dict.fromkeys(one for one, *_ in campaigns))
