// Loaded before the page's example, to provide what a browser provides. API is the server to use instead
// of api.triport.io, COOKIES are those of its user.
const { API = "", COOKIES = "" } = process.env;

// nl_session and ref_code are HttpOnly.
const readable = COOKIES.split("; ").filter((cookie) => cookie.startsWith("nl_csrf="));
Object.assign(globalThis, { document: { cookie: readable.join("; ") } });

const { fetch } = globalThis;
globalThis.fetch = (url, init) => {
  const headers = new Headers(init?.headers);
  if (init?.credentials === "include") headers.set("Cookie", COOKIES);
  return fetch((url as string).replace("https://api.triport.io", API), { ...init, headers });
};

export {};
