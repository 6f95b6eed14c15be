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

// Answer is the response to a call of the main endpoint.
type Answer struct {
	Status     int
	Attributed bool
	Reason     string
	Error      string        // the error tag
	RequestID  string        // from the header; the audit log has it too
	Took       time.Duration // until the whole response was read
}

// Client calls the main endpoint. It is safe for concurrent use.
type Client struct {
	http *http.Client
}

// NewClient returns a client that keeps up to conns connections.
func NewClient(conns int) *Client {
	tr := &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, DisableCompression: true}
	return &Client{http: &http.Client{Transport: tr, Timeout: Timeout}}
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Attribute makes the call that a console makes after u signed in, with the ref_code cookie unless
// code is empty. An error means that no complete response arrived.
func (c *Client) Attribute(ctx context.Context, address string, u User, code string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/auth/attribute", strings.NewReader("{}"))
	if err != nil {
		return Answer{}, err
	}
	cookies := "nl_session=" + u.Session + "; nl_csrf=" + u.CSRF
	if code != "" {
		cookies += "; ref_code=" + code
	}
	req.Header.Set("Cookie", cookies)
	req.Header.Set("X-CSRF-Token", u.CSRF)
	started := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := Answer{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id")}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return Answer{}, fmt.Errorf("status %d: %w", res.StatusCode, err)
	}
	a.Took = time.Since(started)
	return a, nil
}

// Ready calls /readyz. The message is set if the status is not 200.
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

// Load lets every user call once, on conns connections, each with the code that codeOf returns. It adds
// every call and answer to the ledger. It returns once all users have called, ctx ends, or a call gets
// no answer: then the server is gone.
func (s *Site) Load(ctx context.Context, address string, conns int, users []User, codeOf func(i int) string, l *Ledger) {
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
				l.AddCall()
				a, err := c.Attribute(ctx, address, users[i], code)
				if err != nil {
					cancel()
					return
				}
				l.AddAnswer(users[i], code, a)
			}
		})
	}
feed:
	for i := range users {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
}
