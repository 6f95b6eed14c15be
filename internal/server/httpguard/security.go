package httpguard

import "github.com/valyala/fasthttp"

// strictPolicy is for answers that are not pages. If a browser shows one, it is text that loads, runs, sends and
// frames nothing, and has no origin.
const strictPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

var securityHeaders = []struct{ name, value []byte }{
	{[]byte(fasthttp.HeaderCacheControl), []byte("no-store")},
	{[]byte(fasthttp.HeaderXContentTypeOptions), []byte("nosniff")},
	{[]byte(fasthttp.HeaderContentSecurityPolicy), []byte(strictPolicy)},
	{[]byte(fasthttp.HeaderReferrerPolicy), []byte("no-referrer")},
	// It keeps an answer out of pages that embed it without asking: an img, a script, a fetch in mode no-cors. CORS
	// is not affected.
	{[]byte(fasthttp.HeaderCrossOriginResourcePolicy), []byte("same-origin")},
}

// SetSecurityHeaders makes a browser treat an answer as nothing but what it is. A Guard calls it for every answer,
// also for rejections and redirects: an attacker chooses which of them a browser gets.
func SetSecurityHeaders(h *fasthttp.ResponseHeader) {
	for _, header := range securityHeaders {
		h.SetCanonical(header.name, header.value)
	}
}
