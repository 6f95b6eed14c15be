import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { it } from "node:test";

import { Binary, cookieHeader } from "./binary.js";
import { attribute } from "./ssr.js";

it("README contains the tested examples", async () => {
  const readme = await readFile("README.md", "utf8");
  for (const name of ["page", "ssr"]) {
    assert.ok(readme.includes(await readFile(`test/${name}.ts`, "utf8")), name);
  }
});

it("attributes on a server and passes the deletion of the cookie to the browser", async (t) => {
  const server = await Binary.start();
  t.after(() => server.stop());
  const { fetch } = globalThis;
  t.mock.method(globalThis, "fetch", (url: string, init: RequestInit) =>
    fetch(url.replace("https://api.triport.io", server.baseUrl), init),
  );
  const [ann, bob] = [await server.user("ann"), await server.user("bob")];

  const request = new IncomingMessage(new Socket());
  request.headers.cookie = cookieHeader(await server.session(bob), ann.code);
  const response = new ServerResponse(request);

  assert.deepEqual(await attribute(request, response), { attributed: true });
  assert.match(String(response.getHeader("Set-Cookie")), /^ref_code=; Path=\/; Max-Age=0;/);
});
