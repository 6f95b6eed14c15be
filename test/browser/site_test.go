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

// The hosts of the tests. The first two belong to the operator.
const (
	apiHost     = "api.triport.io"
	consoleHost = "console.triport.io"
	siblingHost = "blog.triport.io" // another subdomain of the same domain, with an attacker's page
	foreignHost = "evil.example"
	localHost   = "localhost" // a developer's machine, plain HTTP
)

var hosts = []string{apiHost, consoleHost, siblingHost, foreignHost}

// request is a request that reached the proxy, with its response.
type request struct {
	Scheme, Host, Method, URI string
	Header                    http.Header
	Status                    int
	ResponseHeader            http.Header
}

// cookies returns the values of the cookies that the browser sent, by name.
func (r request) cookies() map[string][]string {
	found := make(map[string][]string)
	for _, c := range (&http.Request{Header: r.Header}).Cookies() {
		found[c.Name] = append(found[c.Name], c.Value)
	}
	return found
}

// site is the environment of one test: the server behind a proxy that terminates TLS, and pages on
// other hosts.
type site struct {
	*server
	t *testing.T
	// secure and plain serve ports 443 and 80 of every host.
	secure, plain *httptest.Server

	mu             sync.Mutex
	pages          map[string]http.HandlerFunc // pages of the test by host and path
	modifyResponse func(*http.Request, http.Header)
	log            []request
}

func newSite(t *testing.T, config string) *site {
	t.Helper()
	s := &site{t: t, pages: make(map[string]http.HandlerFunc)}
	s.secure, s.plain = httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.server = newServer(t, strings.ReplaceAll(config, "PLAINPORT", portOf(s.plain.Listener.Addr().String())))
	cert, _ := certificate()
	s.secure.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.secure.Config.Handler, s.plain.Config.Handler = s.proxy("https"), s.proxy("http")
	s.secure.StartTLS()
	s.plain.Start()
	for _, server := range []*httptest.Server{s.secure, s.plain} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers close speculative connections
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

// proxy serves the test's pages and forwards other requests for the operator's hosts to the server.
func (s *site) proxy(scheme string) http.Handler {
	target, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded() // includes X-Forwarded-Proto
		},
		ModifyResponse: func(res *http.Response) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.modifyResponse != nil {
				s.modifyResponse(res.Request, res.Header)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := s.page(r)
		response := &statusRecorder{ResponseWriter: w}
		switch {
		case ok:
			page(response, r)
		case r.Host == apiHost || r.Host == consoleHost:
			forward.ServeHTTP(response, r)
		default:
			http.NotFound(response, r)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, request{scheme, r.Host, r.Method, r.RequestURI, r.Header, response.status, w.Header().Clone()})
	})
}

// statusRecorder records the status of a response.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

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

// handle adds a page of the test at an address without scheme, for example evil.example/page.
func (s *site) handle(address string, page http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[address] = page
}

// html adds an HTML document at an address.
func (s *site) html(address, body string) {
	s.handle(address, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><html lang=en><meta charset=utf-8><title>%s</title><body>%s", address, body)
	})
}

// onResponse makes the proxy modify the headers of the server's responses.
func (s *site) onResponse(modify func(*http.Request, http.Header)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modifyResponse = modify
}

// signInPage adds a page that sets the cookies of a sign-in.
func (s *site) signInPage(address string, setCookie []string) {
	s.handle(address, func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range setCookie {
			w.Header().Add("Set-Cookie", c)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>signed in</title>Welcome.")
	})
}

// sdk serves the built files of the TypeScript package under /sdk/ of a host.
func (s *site) sdk(host string) {
	s.t.Helper()
	dist := filepath.Join("..", "..", "sdk", "typescript", "dist")
	files, err := filepath.Glob(filepath.Join(dist, "*.js"))
	if err != nil || len(files) == 0 {
		s.t.Fatal("the TypeScript SDK is not built: run `npm ci && npm run build` in sdk/typescript, or scripts/test-browser.sh")
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

// requests returns the requests so far for which keep is true.
func (s *site) requests(keep func(request) bool) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []request
	for _, r := range s.log {
		if keep(r) {
			found = append(found, r)
		}
	}
	return found
}

// calls returns the requests with this method to the attribute endpoint.
func (s *site) calls(method string) []request {
	return s.requests(func(r request) bool {
		return r.Method == method && strings.HasPrefix(r.URI, "/v1/auth/attribute")
	})
}

// visits returns the requests for a URI of the API's host.
func (s *site) visits(uri string) []request {
	return s.requests(func(r request) bool { return r.Host == apiHost && r.URI == uri })
}
