"""Builds this package with nothing but the standard library (PEP 517 and 660).

The usual backends would have to be downloaded, or be there already; a fresh python3 of Debian has
none. This one reads pyproject.toml as the subset of TOML it is kept to, for Python 3.10 has no
parser of TOML either. Archives come out the same byte for byte, wherever they are built.
"""

from __future__ import annotations

import base64
import configparser
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TAG = "py3-none-any"
SOURCE_FILES = ["LICENSE", "README.md", "pyproject.toml"]


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    source = ROOT / "src"
    return _write_wheel(wheel_directory, [(path.relative_to(source), path.read_bytes()) for path in _files(source)])


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    return _write_wheel(wheel_directory, [(Path("triport_sdk.pth"), f"{ROOT / 'src'}\n".encode())])


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    top = _stem(project())
    paths = [*(ROOT / name for name in SOURCE_FILES), *_files(ROOT / "src"), *_files(ROOT / "build_backend")]
    files = [(path.relative_to(ROOT), path.read_bytes()) for path in paths]
    name = f"{top}.tar.gz"
    with (
        open(Path(sdist_directory, name), "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, content in [(Path("PKG-INFO"), _metadata().encode()), *files]:
            entry = tarfile.TarInfo(f"{top}/{path.as_posix()}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return name


def project() -> dict[str, Any]:
    """The table [project] of pyproject.toml."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "pyproject.toml", encoding="utf-8")
    return {key: json.loads(value) for key, value in parser["project"].items()}


def _files(directory: Path) -> Iterable[Path]:
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(directory).parts)
        if path.is_file() and not hidden:
            yield path


def _stem(about: dict[str, Any]) -> str:
    return f"{about['name'].replace('-', '_')}-{about['version']}"


def _metadata() -> str:
    about = project()
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", about["name"]),
        ("Version", about["version"]),
        ("Summary", about["description"]),
        ("Requires-Python", about["requires-python"]),
        ("License-Expression", about["license"]),
        *(("License-File", name) for name in about["license-files"]),
        *(("Classifier", name) for name in about["classifiers"]),
        ("Description-Content-Type", "text/markdown"),
    ]
    readme = (ROOT / about["readme"]).read_text(encoding="utf-8")
    return "".join(f"{name}: {value}\n" for name, value in fields) + "\n" + readme


def _write_wheel(directory: str, content: list[tuple[Path, bytes]]) -> str:
    about = project()
    stem = _stem(about)
    info = Path(f"{stem}.dist-info")
    content = [
        *content,
        *((info / "licenses" / name, (ROOT / name).read_bytes()) for name in about["license-files"]),
        (info / "METADATA", _metadata().encode()),
        (info / "WHEEL", f"Wheel-Version: 1.0\nGenerator: wheel_builder\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()),
    ]
    record = info / "RECORD"
    lines = [f"{path.as_posix()},sha256={_digest(data)},{len(data)}\n" for path, data in content]
    content.append((record, "".join([*lines, f"{record.as_posix()},,\n"]).encode()))
    name = f"{stem}-{TAG}.whl"
    with zipfile.ZipFile(Path(directory, name), "w") as archive:
        for path, data in content:
            entry = zipfile.ZipInfo(path.as_posix())  # of 1980: no time of today
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return name


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
