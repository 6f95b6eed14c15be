import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { it, type TestContext } from "node:test";
import { inspect } from "node:util";

import { reasons, TriportConsole, TriportError, TriportNetworkError, type NetworkErrorKind } from "@triport/sdk";

import { fakeServer, respondWith } from "./fake-server.js";

const secrets = { cookie: "nl_session=hidden-session; ref_code=hidden-code", csrfToken: "hidden-token" };

/** Returns the error of a promise. No error may contain a secret. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(() => assert.fail("the promise was fulfilled"), (reason: unknown) => reason);
  assert.doesNotMatch(inspect(error, { depth: null, showHidden: true }), /hidden/);
  return error;
}

async function errorOf(t: TestContext, handler: RequestListener): Promise<TriportError> {
  const { baseUrl } = await fakeServer(t, handler);
  const error = await rejection(new TriportConsole({ baseUrl, ...secrets }).auth.attribute());
  assert.ok(error instanceof TriportError);
  return error;
}

async function assertNoResponse(kind: NetworkErrorKind, promise: Promise<unknown>): Promise<TriportNetworkError> {
  const error = await rejection(promise);
  assert.ok(error instanceof TriportNetworkError);
  assert.ok(!(error instanceof TriportError));
  assert.deepEqual([error.name, error.kind], ["TriportNetworkError", kind]);
  return error;
}

const silent: RequestListener = () => undefined;

it("has the fields of the error body", async (t) => {
  const envelope = { error: "unavailable", message: "Try again in a second.", request_id: "req_1" };
  const error = await errorOf(t, respondWith(503, envelope, { "Retry-After": "1", "X-Request-Id": "req_2" }));
  assert.deepEqual(
    [error.name, error.message, error.status, error.code, error.requestId, error.retryAfter],
    ["TriportError", "Try again in a second.", 503, "unavailable", "req_1", 1],
  );
});

it("has a code that the SDK does not know", async (t) => {
  const error = await errorOf(t, respondWith(418, { error: "teapot" }));
  assert.deepEqual([error.code, error.message, error.requestId, error.retryAfter], ["teapot", "teapot", undefined, undefined]);
});

it("reports a response of another server as unexpected", async (t) => {
  const error = await errorOf(t, respondWith(502, "<h1>Bad Gateway</h1>", { "X-Request-Id": "req_3", "Retry-After": "soon" }));
  assert.deepEqual([error.status, error.code, error.requestId, error.retryAfter], [502, "unexpected_response", "req_3", undefined]);
});

it("reports a 200 without a valid outcome as unexpected", async (t) => {
  const bodies: unknown[] = ["", "{", "null", "true", [], {}, { attributed: "true" }, { attributed: false }];
  bodies.push({ attributed: false, reason: "" }, { attributed: false, reason: 1 }, { attributed: true, reason: "no_cookie" });
  bodies.push({ error: "not an error" });
  for (const body of bodies) {
    const error = await errorOf(t, respondWith(200, body));
    assert.deepEqual([error.status, error.code], [200, "unexpected_response"], JSON.stringify(body));
  }
});

it("reports an outcome with another status as unexpected", async (t) => {
  assert.equal((await errorOf(t, respondWith(201, { attributed: true }))).code, "unexpected_response");
});

it("returns every listed reason", async (t) => {
  for (const reason of reasons) {
    const { baseUrl } = await fakeServer(t, respondWith(200, { attributed: false, reason }));
    assert.deepEqual(await new TriportConsole({ baseUrl }).auth.attribute(), { attributed: false, reason });
  }
});

it("returns an unknown reason", async (t) => {
  const { baseUrl } = await fakeServer(t, respondWith(200, { attributed: false, reason: "blue_moon", since: 2030 }));
  assert.deepEqual(await new TriportConsole({ baseUrl }).auth.attribute(), { attributed: false, reason: "blue_moon" });
});

it("does not follow a redirect", async (t) => {
  const elsewhere = await fakeServer(t, respondWith(200, { attributed: true }));
  const error = await errorOf(t, respondWith(307, "", { Location: elsewhere.baseUrl }));
  assert.deepEqual([error.status, error.code], [307, "unexpected_response"]);
  assert.deepEqual(elsewhere.requests, []);
});

it("reports a closed port and a lost connection as network errors", async (t) => {
  const { baseUrl } = await fakeServer(t, (request) => request.socket.destroy());
  const broken = await assertNoResponse("network", new TriportConsole({ baseUrl, ...secrets }).auth.attribute());
  assert.ok(broken.cause instanceof TypeError);

  const closed = new TriportConsole({ baseUrl: "http://127.0.0.1:9", ...secrets });
  await assertNoResponse("network", closed.auth.attribute());
});

it("reports a truncated response as a network error", async (t) => {
  const { baseUrl } = await fakeServer(t, (request, response) => {
    response.writeHead(200, { "Content-Length": "19" });
    response.write('{"attributed"', () => request.socket.destroy());
  });
  await assertNoResponse("network", new TriportConsole({ baseUrl }).auth.attribute());
});

it("stops at the timeout, whatever it waits for", async (t) => {
  const { baseUrl } = await fakeServer(t, silent);
  const never = new Promise<never>(() => undefined);
  const options = { ...secrets, baseUrl, timeout: 20 };
  await assertNoResponse("timeout", new TriportConsole(options).auth.attribute());
  await assertNoResponse("timeout", new TriportConsole({ ...options, csrfToken: () => never }).auth.attribute());
  await assertNoResponse("timeout", new TriportConsole({ ...options, fetch: () => never }).auth.attribute());

  const half = await fakeServer(t, (_, response) => response.write('{"attr'));
  await assertNoResponse("timeout", new TriportConsole({ ...options, baseUrl: half.baseUrl }).auth.attribute());
});

it("has no time limit if timeout is 0", async (t) => {
  const { baseUrl } = await fakeServer(t, respondWith(200, { attributed: true }));
  assert.deepEqual(await new TriportConsole({ baseUrl, timeout: 0 }).auth.attribute(), { attributed: true });
});

it("stops if the caller aborts, before and during the call", async (t) => {
  const controller = new AbortController();
  const { baseUrl, requests } = await fakeServer(t, () => {
    controller.abort("changed my mind");
  });
  const client = new TriportConsole({ baseUrl, ...secrets });
  const during = await assertNoResponse("aborted", client.auth.attribute({ signal: controller.signal }));
  const before = await assertNoResponse("aborted", client.auth.attribute({ signal: controller.signal }));
  assert.deepEqual([during.cause, before.cause], ["changed my mind", "changed my mind"]);
  assert.equal(requests.length, 1);
});

it("passes on the error of a token source", async () => {
  const failure = new Error("no token today");
  const client = new TriportConsole({ csrfToken: () => Promise.reject(failure) });
  assert.equal(await rejection(client.auth.attribute()), failure);
});
