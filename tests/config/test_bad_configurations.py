"""One folder for each way to be wrong, with the exact message: bad/NN-name/{clement.toml,expected}."""

from __future__ import annotations

from pathlib import Path

import pytest

from clement.config import ConfigurationError, load

FOLDERS = sorted((Path(__file__).parent / "bad").iterdir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case_128_every_mistake_is_named_with_line_key_and_expectation(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigurationError) as raised:
        load(Path("clement.toml"))
    assert f"{raised.value}\n" == (folder / "expected").read_text("utf-8")
