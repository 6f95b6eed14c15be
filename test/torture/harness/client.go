package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Answer is what a call of the main endpoint brought back.
type Answer struct {
	Status     int
	Attributed bool
	Reason     string
	Error      string        // the tag of an error
	RequestID  string        // as the header names it; an event of the audit log carries it too
	Took       time.Duration // until the whole answer was there
}

// Client calls the main endpoint. It is safe for concurrent use.
type Client struct {
	http *http.Client
}

// NewClient returns a client that keeps up to conns connections.
func NewClient(conns int) *Client {
	tr := &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, DisableCompression: true}
	return &Client{http: &http.Client{Transport: tr, Timeout: Patience}}
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Attribute makes the call that a console makes after the sign-in of p, with the ref_code cookie
// unless code is empty. An error means that no whole answer came.
func (c *Client) Attribute(ctx context.Context, address string, p Person, code string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/auth/attribute", strings.NewReader("{}"))
	if err != nil {
		return Answer{}, err
	}
	cookies := "nl_session=" + p.Session + "; nl_csrf=" + p.CSRF
	if code != "" {
		cookies += "; ref_code=" + code
	}
	req.Header.Set("Cookie", cookies)
	req.Header.Set("X-CSRF-Token", p.CSRF)
	began := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := Answer{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id")}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return Answer{}, fmt.Errorf("status %d: %w", res.StatusCode, err)
	}
	a.Took = time.Since(began)
	return a, nil
}

// Ready asks for readiness. The message is that of the answer when it is not 200.
func (c *Client) Ready(ctx context.Context, address string) (ready bool, message string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false, "", err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return false, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusOK {
		return true, "", nil
	}
	var body struct{ Message string }
	err = json.NewDecoder(res.Body).Decode(&body)
	return false, body.Message, err
}

// Load has every person call once, on conns connections, each naming the code that codeOf says, until
// all have called or ctx ends, and tells the ledger of every answer. Calls without an answer end their
// connection's part, for the server is gone.
func (s *Site) Load(ctx context.Context, address string, conns int, people []Person, codeOf func(i int) string, l *Ledger) {
	c := NewClient(conns)
	defer c.Close()
	next := make(chan int)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range conns {
		wg.Go(func() {
			for i := range next {
				code := codeOf(i)
				l.Sent(people[i], code)
				a, err := c.Attribute(ctx, address, people[i], code)
				if err != nil {
					cancel()
					return
				}
				l.Answered(people[i], code, a)
			}
		})
	}
feed:
	for i := range people {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
}
