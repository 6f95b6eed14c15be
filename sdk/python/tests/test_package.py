"""The package as it is built and installed, without the network."""

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

sys.path.insert(0, str(ROOT / "build_backend"))
import wheel_builder  # noqa: E402

HAS_PIP = importlib.util.find_spec("pip") is not None

# Runs the page's example with the names it expects, and with the server in place of api.triport.io.
RUN = """
import json, runpy, sys
sys.path.insert(0, "installed")
import triport
given = json.load(sys.stdin)
triport.ConsoleSession.__init__.__kwdefaults__["base_url"] = given.pop("BASE_URL")
runpy.run_path("page.py", given)
"""


def printed_example() -> str:
    """The Python example, cut out of the users' page as it is printed there."""
    page = (ROOT / "../../test/browser/testdata/attribute.txt").read_text()
    return page.split("Python (triport-sdk)\n", 1)[1].split("Notes\n", 1)[0]


class PackageTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="triport-project-")
        self.addCleanup(directory.cleanup)
        self.project = Path(directory.name)

    def pip_install(self, what: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
        env = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
        subprocess.run([*command, "--target", self.project / "installed", what], env=env, check=True)

    def run_page(self, given: dict[str, str]) -> str:
        (self.project / "page.py").write_text(printed_example())
        command = [sys.executable, "-I", "-c", RUN]
        done = subprocess.run(
            command, cwd=self.project, input=json.dumps(given), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def test_the_wheel_installs_into_an_empty_project_and_runs_the_page(self) -> None:
        wheel = self.project / wheel_builder.build_wheel(str(self.project))
        if HAS_PIP:
            self.pip_install(wheel)
        else:
            # A fresh python3 of Debian has no pip. A wheel of plain Python is installed by unpacking it.
            zipfile.ZipFile(wheel).extractall(self.project / "installed")

        server = Binary()
        self.addCleanup(server.stop)
        ann, bob = server.user("ann"), server.user("bob")
        cookies = server.session(bob)
        given = {"NL_SESSION": cookies["nl_session"], "NL_CSRF": cookies["nl_csrf"], "REF_CODE": ann["code"]}
        given["BASE_URL"] = server.base_url
        self.assertEqual(self.run_page(given), "True None\n")
        self.assertEqual(self.run_page(given), "False already_attributed\n")

    def test_pip_builds_and_installs_the_source_without_the_network(self) -> None:
        if HAS_PIP:
            self.pip_install(self.source())
            self.assertTrue((self.project / "installed/triport/py.typed").exists())
        else:
            # What pip would do first: the hooks of pyproject.toml, from the source archive.
            hook = "import wheel_builder; wheel_builder.build_wheel('..')"
            subprocess.run([sys.executable, "-c", hook], cwd=self.source() / "build_backend", check=True)

    def source(self) -> Path:
        """The source archive, unpacked."""
        name = wheel_builder.build_sdist(str(self.project))
        with tarfile.open(self.project / name) as archive:
            archive.extractall(self.project)
        return self.project / name.removesuffix(".tar.gz")

    def test_the_wheel_holds_what_its_record_says(self) -> None:
        with zipfile.ZipFile(self.project / wheel_builder.build_wheel(str(self.project))) as wheel:
            names = wheel.namelist()
            record = next(name for name in names if name.endswith("/RECORD"))
            lines = [line.split(",") for line in wheel.read(record).decode().splitlines()]
            self.assertEqual([name for name, _, _ in lines], names)
            for name, digest, size in lines[:-1]:
                data = wheel.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
                self.assertEqual((digest, size), (f"sha256={expected}", str(len(data))))
            modules = {name for name in names if name.startswith("triport/")}
            self.assertEqual(modules, {f"triport/{path.name}" for path in (ROOT / "src/triport").glob("*.*")})

    def test_the_same_source_gives_the_same_archives(self) -> None:
        for build in (wheel_builder.build_wheel, wheel_builder.build_sdist):
            archive = self.project / build(str(self.project))
            first = archive.read_bytes()
            build(str(self.project))
            self.assertEqual(archive.read_bytes(), first)

    def test_an_editable_wheel_points_at_the_source(self) -> None:
        with zipfile.ZipFile(self.project / wheel_builder.build_editable(str(self.project))) as wheel:
            self.assertEqual(wheel.read("triport_sdk.pth").decode().strip(), str(ROOT / "src"))

    def test_the_builder_reads_the_project_as_toml_does(self) -> None:
        if sys.version_info >= (3, 11):
            import tomllib

            read = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            self.assertEqual(wheel_builder.project(), read)
        self.assertEqual(wheel_builder.project()["name"], "triport-sdk")

    def test_the_readable_example_has_the_lines_of_the_page(self) -> None:
        readable = (line.strip() for line in (ROOT / "tests/page.py").read_text().splitlines())
        self.assertEqual([line for line in readable if line], printed_example().splitlines())

    def test_the_readme_shows_the_page_as_it_is_tested(self) -> None:
        self.assertIn((ROOT / "tests/page.py").read_text(), (ROOT / "README.md").read_text())
