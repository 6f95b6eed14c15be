import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { TriportConsole, TriportError, type Attribution } from "@triport/sdk";

import { Binary, cookieHeader, type User } from "./binary.js";

describe("attribute, against the real server", () => {
  let server: Binary;
  before(async () => {
    server = await Binary.start();
  });
  after(() => server.stop());

  const attribute = async (user: User, refCode?: string, at = server): Promise<Attribution> => {
    const cookie = cookieHeader(await at.session(user), refCode);
    return new TriportConsole({ baseUrl: at.baseUrl, cookie }).auth.attribute();
  };

  it("attributes an invitee once", async () => {
    const [ann, bob] = [await server.user("ann"), await server.user("bob")];
    assert.deepEqual(await attribute(bob, ann.code), { attributed: true });
    assert.deepEqual(await attribute(bob, ann.code), { attributed: false, reason: "already_attributed" });
    assert.deepEqual(await attribute(ann, bob.code), { attributed: false, reason: "referral_cycle" });
  });

  it("returns the reason if nothing was attributed", async () => {
    const cid = await server.user("cid");
    const outcome = async (code?: string): Promise<string | undefined> => (await attribute(cid, code)).reason;
    assert.equal(await outcome(), "no_cookie");
    assert.equal(await outcome(""), "no_cookie");
    assert.equal(await outcome("-no-code-"), "invalid_code");
    assert.equal(await outcome("café"), "invalid_code");
    assert.equal(await outcome("no-such-code"), "unknown_code");
    assert.equal(await outcome(cid.code), "self_referral");
  });

  it("returns the reason that depends on the configuration", async (t) => {
    const strict = await Binary.start({ TRIPORT_REFERRAL_SIGNUP_WINDOW: "1ns" });
    t.after(() => strict.stop());
    const [ann, bob] = [await strict.user("ann"), await strict.user("bob")];
    assert.deepEqual(await attribute(bob, ann.code, strict), { attributed: false, reason: "not_eligible" });
  });

  it("throws if the request is rejected", async () => {
    const { nl_session, nl_csrf } = await server.session(await server.user("fay"));
    const other = await server.session(await server.user("gus"));
    const session = `nl_session=${nl_session}`;

    await assertRejected("", 401, "unauthenticated");
    await assertRejected("nl_session=stale; nl_csrf=stale", 401, "unauthenticated");
    await assertRejected(session, 403, "csrf_missing");
    await assertRejected(`${session}; nl_csrf=${other.nl_csrf}`, 403, "csrf_invalid");
    await assertRejected(`${session}; nl_csrf=${nl_csrf}`, 404, "not_found", `${server.baseUrl}/elsewhere`);
  });

  async function assertRejected(cookie: string, status: number, code: string, baseUrl = server.baseUrl): Promise<void> {
    await assert.rejects(new TriportConsole({ baseUrl, cookie }).auth.attribute(), (error) => {
      assert.ok(error instanceof TriportError);
      assert.deepEqual([error.status, error.code], [status, code]);
      assert.match(error.requestId ?? "", /^req_[0-9a-f]{16}$/);
      assert.notEqual(error.message, "");
      return true;
    });
  }
});
