import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { it, type TestContext } from "node:test";
import { inspect } from "node:util";

import { reasons, TriportConsole, TriportError, TriportNetworkError, type NetworkErrorKind } from "@triport/sdk";

import { always, standIn } from "./stand-in.js";

const secrets = { cookie: "nl_session=hidden-session; ref_code=hidden-code", csrfToken: "hidden-token" };

/** What the promise is rejected with. No error may show a secret. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(() => assert.fail("it was resolved"), (reason: unknown) => reason);
  assert.doesNotMatch(inspect(error, { depth: null, showHidden: true }), /hidden/);
  return error;
}

async function answered(t: TestContext, answer: RequestListener): Promise<TriportError> {
  const { base } = await standIn(t, answer);
  const error = await rejection(new TriportConsole({ baseUrl: base, ...secrets }).auth.attribute());
  assert.ok(error instanceof TriportError);
  return error;
}

async function unanswered(kind: NetworkErrorKind, promise: Promise<unknown>): Promise<TriportNetworkError> {
  const error = await rejection(promise);
  assert.ok(error instanceof TriportNetworkError);
  assert.ok(!(error instanceof TriportError));
  assert.deepEqual([error.name, error.kind], ["TriportNetworkError", kind]);
  return error;
}

const silent: RequestListener = () => undefined;

it("carries what the envelope says", async (t) => {
  const envelope = { error: "unavailable", message: "Try again in a second.", request_id: "req_1" };
  const error = await answered(t, always(503, envelope, { "Retry-After": "1", "X-Request-Id": "req_2" }));
  assert.deepEqual(
    [error.name, error.message, error.status, error.code, error.requestId, error.retryAfter],
    ["TriportError", "Try again in a second.", 503, "unavailable", "req_1", 1],
  );
});

it("carries a code it does not know", async (t) => {
  const error = await answered(t, always(418, { error: "teapot" }));
  assert.deepEqual([error.code, error.message, error.requestId, error.retryAfter], ["teapot", "teapot", undefined, undefined]);
});

it("tells an answer that is not the API's", async (t) => {
  const error = await answered(t, always(502, "<h1>Bad Gateway</h1>", { "X-Request-Id": "req_3", "Retry-After": "soon" }));
  assert.deepEqual([error.status, error.code, error.requestId, error.retryAfter], [502, "unexpected_response", "req_3", undefined]);
});

it("does not take a 200 for an outcome that is none", async (t) => {
  const bodies: unknown[] = ["", "{", "null", "true", [], {}, { attributed: "true" }, { attributed: false }];
  bodies.push({ attributed: false, reason: "" }, { attributed: false, reason: 1 }, { attributed: true, reason: "no_cookie" });
  bodies.push({ error: "not an error" });
  for (const body of bodies) {
    const error = await answered(t, always(200, body));
    assert.deepEqual([error.status, error.code], [200, "unexpected_response"], JSON.stringify(body));
  }
});

it("does not take another status for an outcome", async (t) => {
  assert.equal((await answered(t, always(201, { attributed: true }))).code, "unexpected_response");
});

it("passes every listed reason on", async (t) => {
  for (const reason of reasons) {
    const { base } = await standIn(t, always(200, { attributed: false, reason }));
    assert.deepEqual(await new TriportConsole({ baseUrl: base }).auth.attribute(), { attributed: false, reason });
  }
});

it("passes a reason on that it does not know", async (t) => {
  const { base } = await standIn(t, always(200, { attributed: false, reason: "blue_moon", since: 2030 }));
  assert.deepEqual(await new TriportConsole({ baseUrl: base }).auth.attribute(), { attributed: false, reason: "blue_moon" });
});

it("does not follow a redirect", async (t) => {
  const elsewhere = await standIn(t, always(200, { attributed: true }));
  const error = await answered(t, always(307, "", { Location: elsewhere.base }));
  assert.deepEqual([error.status, error.code], [307, "unexpected_response"]);
  assert.deepEqual(elsewhere.seen, []);
});

it("tells that nobody listens, and that the connection broke", async (t) => {
  const { base } = await standIn(t, (request) => request.socket.destroy());
  const broken = await unanswered("network", new TriportConsole({ baseUrl: base, ...secrets }).auth.attribute());
  assert.ok(broken.cause instanceof TypeError);

  const closed = new TriportConsole({ baseUrl: "http://127.0.0.1:9", ...secrets });
  await unanswered("network", closed.auth.attribute());
});

it("tells that the answer broke off", async (t) => {
  const { base } = await standIn(t, (request, response) => {
    response.writeHead(200, { "Content-Length": "19" });
    response.write('{"attributed"', () => request.socket.destroy());
  });
  await unanswered("network", new TriportConsole({ baseUrl: base }).auth.attribute());
});

it("gives up when the time is over, whatever it waits for", async (t) => {
  const { base } = await standIn(t, silent);
  const never = new Promise<never>(() => undefined);
  const options = { ...secrets, baseUrl: base, timeout: 20 };
  await unanswered("timeout", new TriportConsole(options).auth.attribute());
  await unanswered("timeout", new TriportConsole({ ...options, csrfToken: () => never }).auth.attribute());
  await unanswered("timeout", new TriportConsole({ ...options, fetch: () => never }).auth.attribute());

  const half = await standIn(t, (_, response) => response.write('{"attr'));
  await unanswered("timeout", new TriportConsole({ ...options, baseUrl: half.base }).auth.attribute());
});

it("knows no time limit when told so", async (t) => {
  const { base } = await standIn(t, always(200, { attributed: true }));
  assert.deepEqual(await new TriportConsole({ baseUrl: base, timeout: 0 }).auth.attribute(), { attributed: true });
});

it("gives up when the caller aborts, before and during the call", async (t) => {
  const controller = new AbortController();
  const { base, seen } = await standIn(t, () => {
    controller.abort("changed my mind");
  });
  const client = new TriportConsole({ baseUrl: base, ...secrets });
  const during = await unanswered("aborted", client.auth.attribute({ signal: controller.signal }));
  const before = await unanswered("aborted", client.auth.attribute({ signal: controller.signal }));
  assert.deepEqual([during.cause, before.cause], ["changed my mind", "changed my mind"]);
  assert.equal(seen.length, 1);
});

it("passes the failure of a token source on", async () => {
  const failure = new Error("no token today");
  const client = new TriportConsole({ csrfToken: () => Promise.reject(failure) });
  assert.equal(await rejection(client.auth.attribute()), failure);
});
