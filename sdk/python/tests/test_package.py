"""The package as built and installed, without the network."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from tests.binary import ROOT, Binary

HAS_PIP = importlib.util.find_spec("pip") is not None

# Runs the page's example with the names it expects, against the test server instead of api.triport.io.
RUN = """
import json, runpy, sys
sys.path.insert(0, "installed")
import triport
given = json.load(sys.stdin)
triport.ConsoleSession.__init__.__kwdefaults__["base_url"] = given.pop("BASE_URL")
runpy.run_path("page.py", given)
"""


def printed_example() -> str:
    """The Python example as printed on the users' page."""
    page = (ROOT / "../../test/browser/testdata/attribute.txt").read_text()
    return page.split("Python (triport-sdk)\n", 1)[1].split("Notes\n", 1)[0]


class PackageTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="triport-project-")
        self.addCleanup(directory.cleanup)
        self.project = Path(directory.name)

    def build(self, target: str, source: Path = ROOT) -> Path:
        """Builds an archive with hatchling, as pip does."""
        try:
            command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", self.project]
            done = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        except subprocess.CalledProcessError as error:
            self.fail(f"hatchling is missing (Debian: apt-get install python3-hatchling) or failed:\n{error.stderr}")
        return self.project / Path(done.stdout.split()[-1]).name

    def pip_install(self, what: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
        command += ["--no-build-isolation", "--target", str(self.project / "installed"), str(what)]
        subprocess.run(command, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}, check=True)

    def install_wheel(self, wheel: Path) -> None:
        if HAS_PIP:
            self.pip_install(wheel)
        else:
            # Debian's python3 comes without pip. To install a pure Python wheel is to unpack it.
            zipfile.ZipFile(wheel).extractall(self.project / "installed")

    def run_page(self, given: dict[str, str]) -> str:
        (self.project / "page.py").write_text(printed_example())
        command = [sys.executable, "-I", "-c", RUN]
        done = subprocess.run(
            command, cwd=self.project, input=json.dumps(given), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def test_wheel_installs_into_an_empty_project_and_runs_the_example_of_the_page(self) -> None:
        self.install_wheel(self.build("wheel"))

        server = Binary()
        self.addCleanup(server.stop)
        ann, bob = server.user("ann"), server.user("bob")
        cookies = server.session(bob)
        given = {"NL_SESSION": cookies["nl_session"], "NL_CSRF": cookies["nl_csrf"], "REF_CODE": ann["code"]}
        given["BASE_URL"] = server.base_url
        self.assertEqual(self.run_page(given), "True None\n")
        self.assertEqual(self.run_page(given), "False already_attributed\n")

    def test_source_archive_builds_the_same_package(self) -> None:
        source = self.unpacked_source()
        if HAS_PIP:
            self.pip_install(source)
        else:
            self.install_wheel(self.build("wheel", source))
        installed = {path.name for path in (self.project / "installed/triport").glob("*.*")}
        self.assertEqual(installed, self.modules())

    def unpacked_source(self) -> Path:
        archive = self.build("sdist")
        with tarfile.open(archive) as packed:
            packed.extractall(self.project)
        return self.project / archive.name.removesuffix(".tar.gz")

    def modules(self) -> set[str]:
        return {path.name for path in (ROOT / "src/triport").glob("*.*")}

    def test_wheel_content_equals_its_record(self) -> None:
        with zipfile.ZipFile(self.build("wheel")) as wheel:
            names = wheel.namelist()
            record = next(name for name in names if name.endswith("/RECORD"))
            lines = [line.split(",") for line in wheel.read(record).decode().splitlines()]
            self.assertEqual(sorted(name for name, _, _ in lines), sorted(names))
            for name, digest, size in lines:
                if name == record:
                    continue
                data = wheel.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
                self.assertEqual((digest, size), (f"sha256={expected}", str(len(data))))
            self.assertEqual({name.removeprefix("triport/") for name in names if name.startswith("triport/")}, self.modules())

    def test_equal_source_gives_equal_archives(self) -> None:
        for target in ("wheel", "sdist"):
            first = self.build(target).read_bytes()
            self.assertEqual(self.build(target).read_bytes(), first)

    def test_editable_wheel_refers_to_the_source(self) -> None:
        with zipfile.ZipFile(self.build("wheel:editable")) as wheel:
            (pth,) = (name for name in wheel.namelist() if name.endswith(".pth"))
            self.assertEqual(wheel.read(pth).decode().strip(), str(ROOT / "src"))

    def test_metadata_names_project_license_and_no_dependency(self) -> None:
        with zipfile.ZipFile(self.build("wheel")) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
            metadata = wheel.read(name).decode().splitlines()
        for line in ("Name: triport-sdk", "License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.10"):
            self.assertIn(line, metadata)
        self.assertFalse([line for line in metadata if line.startswith("Requires-Dist:")])

    def test_readable_example_has_the_lines_of_the_page(self) -> None:
        readable = (line.strip() for line in (ROOT / "tests/page.py").read_text().splitlines())
        self.assertEqual([line for line in readable if line], printed_example().splitlines())

    def test_readme_shows_the_tested_example(self) -> None:
        self.assertIn((ROOT / "tests/page.py").read_text(), (ROOT / "README.md").read_text())
