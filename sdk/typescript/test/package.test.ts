import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { build } from "esbuild";

import { Binary, cookieHeader } from "./binary.js";

const run = promisify(execFile);
const example = resolve("test/page.ts");
const browser = pathToFileURL(resolve("build/test/browser.js")).href;
const tsc = resolve("node_modules/typescript/bin/tsc");

describe("the packed package, installed into an empty project without the network", () => {
  let project: string;
  before(async () => {
    project = await mkdtemp(join(tmpdir(), "triport-project-"));
    const cache = ["--cache", join(project, ".npm")];
    // Without scripts: dist is built, and other tests read it.
    const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project, ...cache]);
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
    await writeFile(join(project, "package.json"), '{"type": "module"}');
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", ...cache, `./${filename}`], { cwd: project });
    await cp(example, join(project, "page.ts"));
  });
  after(() => rm(project, { recursive: true }));

  async function compile(options: Record<string, unknown>): Promise<void> {
    const compilerOptions = { strict: true, target: "es2022", module: "nodenext", types: [], ...options };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["page.ts"] }));
    await run(process.execPath, [tsc], { cwd: project });
  }

  it("contains the built code, its types, README and LICENSE", async () => {
    const installed = join(project, "node_modules/@triport/sdk");
    assert.deepEqual((await readdir(installed)).sort(), ["LICENSE", "README.md", "dist", "package.json"]);
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
    assert.equal(manifest["dependencies"], undefined);
    assert.deepEqual(await readdir(join(project, "node_modules/@triport")), ["sdk"]);
  });

  it("compiles and runs the page's example", async (t) => {
    await compile({ lib: ["es2022", "dom"] });

    const server = await Binary.start();
    t.after(() => server.stop());
    const [ann, bob] = [await server.user("ann"), await server.user("bob")];
    const env = { API: server.baseUrl, COOKIES: cookieHeader(await server.session(bob), ann.code) };
    const page = async (): Promise<string> =>
      (await run(process.execPath, ["--import", browser, "page.js"], { cwd: project, env })).stdout;
    assert.equal(await page(), "referral attributed\n");
    assert.equal(await page(), "");
  });

  it("has types for a server without a DOM", async () => {
    await compile({ noEmit: true, lib: ["es2022"], types: ["node"], typeRoots: [resolve("node_modules/@types")] });
  });

  it("has types for a bundler and for a stricter project", async () => {
    await compile({
      noEmit: true,
      lib: ["es2022", "dom"],
      module: "esnext",
      moduleResolution: "bundler",
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
    });
  });

  it("adds no unused code to a bundle", async () => {
    const bundle = async (contents: string): Promise<string> => {
      const stdin = { contents, resolveDir: project };
      const options = { bundle: true, write: false, format: "esm", platform: "browser", logLevel: "silent" } as const;
      return (await build({ stdin, ...options })).outputFiles[0]?.text ?? "";
    };
    assert.equal(await bundle('import { TriportConsole } from "@triport/sdk";'), "");
    const reasons = await bundle('import { reasons } from "@triport/sdk"; console.log(reasons);');
    assert.match(reasons, /no_cookie/);
    assert.doesNotMatch(reasons, /class|fetch/);
    assert.match(await bundle('import { TriportConsole } from "@triport/sdk"; new TriportConsole();'), /v1\/auth\/attribute/);
  });
});

it("lock file has versions and hashes, but no host", async () => {
  const { packages } = JSON.parse(await readFile("package-lock.json", "utf8")) as { packages: Record<string, Record<string, unknown>> };
  for (const [name, { resolved, integrity }] of Object.entries(packages)) {
    assert.equal(resolved, undefined, name);
    assert.equal(typeof integrity, name === "" ? "undefined" : "string", name);
  }
});
