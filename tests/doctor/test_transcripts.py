"""The page of transcripts is current."""

from __future__ import annotations

from pathlib import Path

from tests.doctor.transcripts import make_page

PAGE = Path(__file__).parents[2] / "docs" / "doctor-examples.md"


def test_the_page_shows_what_the_doctor_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == make_page()
