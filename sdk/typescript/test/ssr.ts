import type { IncomingMessage, ServerResponse } from "node:http";

import { TriportConsole, type Attribution } from "@triport/sdk";

export function attribute(request: IncomingMessage, response: ServerResponse): Promise<Attribution> {
  const client = new TriportConsole({
    cookie: request.headers.cookie ?? "",
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      // The API deletes ref_code: the browser must hear of it.
      response.appendHeader("Set-Cookie", answer.headers.getSetCookie());
      return answer;
    },
  });
  return client.auth.attribute();
}
