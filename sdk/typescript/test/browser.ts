// Loaded before the page's example: what it finds in a browser. API is the server that api.triport.io
// stands for, COOKIES are those of its user.
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
