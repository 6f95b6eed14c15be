import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { inspect } from "node:util";

import { TriportConsole, type TriportConsoleOptions } from "@triport/sdk";

import { always, standIn, type Seen } from "./stand-in.js";

/** The one request that a call with these options makes. */
async function sent(t: TestContext, options: TriportConsoleOptions, path = ""): Promise<Seen> {
  const { base, seen } = await standIn(t, always(200, { attributed: true }));
  await new TriportConsole({ baseUrl: base + path, ...options }).auth.attribute();
  assert.equal(seen.length, 1);
  const [request] = seen;
  assert.ok(request);
  return request;
}

function page(t: TestContext, cookie: string): void {
  Object.assign(globalThis, { document: { cookie } });
  t.after(() => Reflect.deleteProperty(globalThis, "document"));
}

it("posts an empty object to the path of the API", async (t) => {
  const { method, url, headers, body } = await sent(t, {});
  assert.deepEqual([method, url, body], ["POST", "/v1/auth/attribute", "{}"]);
  assert.equal(headers["content-type"], "application/json");
});

it("keeps a path of the base URL", async (t) => {
  assert.equal((await sent(t, {}, "/gateway/")).url, "/gateway/v1/auth/attribute");
});

it("reads the token from the page's cookies at the time of the call", async (t) => {
  const { base, seen } = await standIn(t, always(200, { attributed: true }));
  const client = new TriportConsole({ baseUrl: base });
  page(t, "nl_csrf_old=x; other=1; nl_csrf=from-the-page; nl_csrf=second");
  await client.auth.attribute();
  assert.equal(seen[0]?.headers["x-csrf-token"], "from-the-page");
});

it("lets the browser attach its cookies", async (t) => {
  page(t, "nl_csrf=token");
  let init: RequestInit | undefined;
  const fetch: typeof globalThis.fetch = (_, given) => {
    init = given;
    return Promise.resolve(Response.json({ attributed: true }));
  };
  await new TriportConsole({ fetch }).auth.attribute();
  assert.equal(init?.credentials, "include");
  assert.deepEqual(init.headers, { "Content-Type": "application/json", "X-CSRF-Token": "token" });
});

it("takes the token from wherever it is told", async (t) => {
  page(t, "nl_csrf=not-this");
  const cookie = "nl_csrf=from-the-header";
  const token = async (options: TriportConsoleOptions): Promise<unknown> =>
    (await sent(t, options)).headers["x-csrf-token"];

  assert.equal(await token({ cookie }), "from-the-header");
  assert.equal(await token({ cookie, csrfToken: "text" }), "text");
  assert.equal(await token({ cookie, csrfToken: () => "function" }), "function");
  assert.equal(await token({ cookie, csrfToken: () => Promise.resolve("promise") }), "promise");
});

it("sends the request without a token when there is none", async (t) => {
  for (const csrfToken of [undefined, "", () => null, () => undefined, () => Promise.resolve(null)]) {
    assert.equal((await sent(t, { csrfToken })).headers["x-csrf-token"], undefined);
  }
});

it("sends only the API's cookies on, as they are written", async (t) => {
  const cookie = 'theme=dark; nl_session=s%20;nl_csrf=c; ref_code="a"; ref_code=b; nl_session2=x; bare';
  assert.equal((await sent(t, { cookie })).headers.cookie, 'nl_session=s%20; nl_csrf=c; ref_code="a"; ref_code=b');
});

it("sends no character that could end a header", async (t) => {
  const { headers } = await sent(t, { cookie: "ref_code=a\r\nX-Evil: 1", csrfToken: "a\r\nX-Evil: €" });
  assert.equal(headers["x-evil"], undefined);
  assert.equal(headers.cookie, "ref_code=a??X-Evil:?1");
  assert.equal(headers["x-csrf-token"], "a??X-Evil:??");
});

it("refuses options that cannot work, without quoting them", () => {
  for (const baseUrl of ["", "/v1", "ftp://example.com", "https://user:hidden@example.com", "https://example.com/?hidden", "https://example.com/#hidden"]) {
    assert.throws(() => new TriportConsole({ baseUrl }), (error) => error instanceof TypeError && !inspect(error).includes("hidden"));
  }
  for (const timeout of [-1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => new TriportConsole({ timeout }), RangeError);
  }
});

it("shows no secret when it is inspected or serialized", () => {
  const client = new TriportConsole({ cookie: "nl_session=hidden", csrfToken: "hidden" });
  assert.doesNotMatch(inspect(client, { depth: null, showHidden: true }) + JSON.stringify(client), /hidden/);
});

it("writes to the global console, whose name it takes", (t) => {
  const console = new TriportConsole();
  for (const level of ["debug", "info", "log", "warn", "error"] as const) {
    const written = t.mock.method(globalThis.console, level, () => undefined);
    console[level]("one", 2);
    assert.deepEqual(written.mock.calls.map((call) => call.arguments), [["one", 2]]);
  }
});
