import type { IncomingMessage, ServerResponse } from "node:http";

import { TriportConsole, type Attribution } from "@triport/sdk";

export function attribute(request: IncomingMessage, response: ServerResponse): Promise<Attribution> {
  const client = new TriportConsole({
    cookie: request.headers.cookie ?? "",
    fetch: async (url, init) => {
      const apiResponse = await fetch(url, init);
      // The API deletes ref_code. Pass that on to the browser.
      response.appendHeader("Set-Cookie", apiResponse.headers.getSetCookie());
      return apiResponse;
    },
  });
  return client.auth.attribute();
}
