package browser

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The hosts of the tests. The first two are the operator's.
const (
	apiHost     = "api.triport.io"
	consoleHost = "console.triport.io"
	siblingHost = "blog.triport.io" // somebody else's page on a subdomain of the same domain
	foreignHost = "evil.example"
	localHost   = "localhost" // of a developer, plain HTTP
)

var hosts = []string{apiHost, consoleHost, siblingHost, foreignHost}

// exchange is a request as it reached the proxy, and its answer.
type exchange struct {
	Scheme, Host, Method, URI string
	Header                    http.Header // of the request
	Status                    int
	Answer                    http.Header
}

// cookies are the names of the cookies the browser sent along, with their values.
func (x exchange) cookies() map[string][]string {
	found := make(map[string][]string)
	for _, c := range (&http.Request{Header: x.Header}).Cookies() {
		found[c.Name] = append(found[c.Name], c.Value)
	}
	return found
}

// site is the world of one test: the product behind a proxy that ends TLS, and pages on other hosts.
type site struct {
	*product
	t *testing.T
	// secure and plain are what every host's ports 443 and 80 lead to.
	secure, plain *httptest.Server

	mu     sync.Mutex
	pages  map[string]http.HandlerFunc                     // by host and path: pages of the test's own
	meddle func(request *http.Request, answer http.Header) // what a careless proxy does to the answers
	log    []exchange
}

func newSite(t *testing.T, config string) *site {
	t.Helper()
	s := &site{t: t, pages: make(map[string]http.HandlerFunc)}
	s.secure, s.plain = httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.product = startProduct(t, strings.ReplaceAll(config, "PLAINPORT", portOf(s.plain.Listener.Addr().String())))
	certificate, _ := authority()
	s.secure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.secure.Config.Handler, s.plain.Config.Handler = s.proxy("https"), s.proxy("http")
	s.secure.StartTLS()
	s.plain.Start()
	for _, server := range []*httptest.Server{s.secure, s.plain} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers hang up on what they only tried
		t.Cleanup(server.Close)
	}
	return s
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		panic(err)
	}
	return port
}

// proxy serves the test's pages and hands everything else for the operator's hosts to the product.
func (s *site) proxy(scheme string) http.Handler {
	target, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded() // X-Forwarded-Proto among them
		},
		ModifyResponse: func(res *http.Response) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.meddle != nil {
				s.meddle(res.Request, res.Header)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ours := s.page(r)
		answer := &recorder{ResponseWriter: w}
		switch {
		case ours:
			page(answer, r)
		case r.Host == apiHost || r.Host == consoleHost:
			forward.ServeHTTP(answer, r)
		default:
			http.NotFound(answer, r)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, exchange{scheme, r.Host, r.Method, r.RequestURI, r.Header, answer.status, w.Header().Clone()})
	})
}

// recorder keeps the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (s *site) page(r *http.Request) (http.HandlerFunc, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := r.Host
	if _, _, err := net.SplitHostPort(host); err == nil {
		host = localHost
	}
	page, ok := s.pages[host+r.URL.Path]
	return page, ok
}

// handle puts a page of the test's own at an address without scheme, such as evil.example/page.
func (s *site) handle(address string, page http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[address] = page
}

// html puts a document at an address.
func (s *site) html(address, body string) {
	s.handle(address, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><html lang=en><meta charset=utf-8><title>%s</title><body>%s", address, body)
	})
}

// careless makes the proxy one that meddles with the product's answers.
func (s *site) careless(meddle func(request *http.Request, answer http.Header)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meddle = meddle
}

// signInPage answers with the cookies of a sign-in and leads on, as a sign-in service does.
func (s *site) signInPage(address string, setCookie []string) {
	s.handle(address, func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range setCookie {
			w.Header().Add("Set-Cookie", c)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>signed in</title>Welcome.")
	})
}

// sdk serves the TypeScript package's built files under /sdk/ of a host.
func (s *site) sdk(host string) {
	s.t.Helper()
	dist := filepath.Join("..", "..", "sdk", "typescript", "dist")
	files, err := filepath.Glob(filepath.Join(dist, "*.js"))
	if err != nil || len(files) == 0 {
		s.t.Fatal("the TypeScript SDK is not built: run `npm ci && npm run build` in sdk/typescript, or scripts/test-browser.sh, which does")
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		s.handle(host+path.Join("/sdk", filepath.Base(file)), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(source)
		})
	}
}

// exchanges are those with the host for which keep is true, so far.
func (s *site) exchanges(keep func(exchange) bool) []exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []exchange
	for _, x := range s.log {
		if keep(x) {
			found = append(found, x)
		}
	}
	return found
}

// calls are the requests of that method to attribute.
func (s *site) calls(method string) []exchange {
	return s.exchanges(func(x exchange) bool {
		return x.Method == method && strings.HasPrefix(x.URI, "/v1/auth/attribute")
	})
}

// visits are the requests for an address of the API's host.
func (s *site) visits(uri string) []exchange {
	return s.exchanges(func(x exchange) bool { return x.Host == apiHost && x.URI == uri })
}
