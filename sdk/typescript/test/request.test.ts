import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { inspect } from "node:util";

import { TriportConsole, type TriportConsoleOptions } from "@triport/sdk";

import { fakeServer, respondWith, type ReceivedRequest } from "./fake-server.js";

/** Returns the one request that a call with these options sends. */
async function sent(t: TestContext, options: TriportConsoleOptions, path = ""): Promise<ReceivedRequest> {
  const { baseUrl, requests } = await fakeServer(t, respondWith(200, { attributed: true }));
  await new TriportConsole({ baseUrl: baseUrl + path, ...options }).auth.attribute();
  assert.equal(requests.length, 1);
  const [request] = requests;
  assert.ok(request);
  return request;
}

function page(t: TestContext, cookie: string): void {
  Object.assign(globalThis, { document: { cookie } });
  t.after(() => Reflect.deleteProperty(globalThis, "document"));
}

it("posts an empty object to the path of the endpoint", async (t) => {
  const { method, url, headers, body } = await sent(t, {});
  assert.deepEqual([method, url, body], ["POST", "/v1/auth/attribute", "{}"]);
  assert.equal(headers["content-type"], "application/json");
});

it("keeps the path of the base URL", async (t) => {
  assert.equal((await sent(t, {}, "/gateway/")).url, "/gateway/v1/auth/attribute");
});

it("reads the token from the page's cookies at the time of the call", async (t) => {
  const { baseUrl, requests } = await fakeServer(t, respondWith(200, { attributed: true }));
  const client = new TriportConsole({ baseUrl });
  page(t, "nl_csrf_old=x; other=1; nl_csrf=from-the-page; nl_csrf=second");
  await client.auth.attribute();
  assert.equal(requests[0]?.headers["x-csrf-token"], "from-the-page");
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

it("reads the token from the given source", async (t) => {
  page(t, "nl_csrf=not-this");
  const cookie = "nl_csrf=from-the-header";
  const token = async (options: TriportConsoleOptions): Promise<unknown> =>
    (await sent(t, options)).headers["x-csrf-token"];

  assert.equal(await token({ cookie }), "from-the-header");
  assert.equal(await token({ cookie, csrfToken: "text" }), "text");
  assert.equal(await token({ cookie, csrfToken: () => "function" }), "function");
  assert.equal(await token({ cookie, csrfToken: () => Promise.resolve("promise") }), "promise");
});

it("sends the request without a token if it has none", async (t) => {
  for (const csrfToken of [undefined, "", () => null, () => undefined, () => Promise.resolve(null)]) {
    assert.equal((await sent(t, { csrfToken })).headers["x-csrf-token"], undefined);
  }
});

it("forwards only the cookies of the API, unchanged", async (t) => {
  const cookie = 'theme=dark; nl_session=s%20;nl_csrf=c; ref_code="a"; ref_code=b; nl_session2=x; bare';
  assert.equal((await sent(t, { cookie })).headers.cookie, 'nl_session=s%20; nl_csrf=c; ref_code="a"; ref_code=b');
});

it("sends no character that could end a header line", async (t) => {
  const { headers } = await sent(t, { cookie: "ref_code=a\r\nX-Evil: 1", csrfToken: "a\r\nX-Evil: €" });
  assert.equal(headers["x-evil"], undefined);
  assert.equal(headers.cookie, "ref_code=a??X-Evil:?1");
  assert.equal(headers["x-csrf-token"], "a??X-Evil:??");
});

it("rejects invalid options without quoting them", () => {
  for (const baseUrl of ["", "/v1", "ftp://example.com", "https://user:hidden@example.com", "https://example.com/?hidden", "https://example.com/#hidden"]) {
    assert.throws(() => new TriportConsole({ baseUrl }), (error) => error instanceof TypeError && !inspect(error).includes("hidden"));
  }
  for (const timeout of [-1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => new TriportConsole({ timeout }), RangeError);
  }
});

it("contains no secret if it is inspected or serialized", () => {
  const client = new TriportConsole({ cookie: "nl_session=hidden", csrfToken: "hidden" });
  assert.doesNotMatch(inspect(client, { depth: null, showHidden: true }) + JSON.stringify(client), /hidden/);
});

it("writes to the global console", (t) => {
  const console = new TriportConsole();
  for (const level of ["debug", "info", "log", "warn", "error"] as const) {
    const written = t.mock.method(globalThis.console, level, () => undefined);
    console[level]("one", 2);
    assert.deepEqual(written.mock.calls.map((call) => call.arguments), [["one", 2]]);
  }
});
