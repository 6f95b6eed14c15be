package hostile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// answer is one answer as read from the connection.
type answer struct {
	status  int
	outcome string // "attributed", a reason, the tag of an error, or "page"
}

// rawConn is a connection of an attacker.
type rawConn struct {
	a    *attack
	conn *net.TCPConn
	r    *bufio.Reader
}

// dial connects. It returns nil and fails the test if the server accepts no connection.
func (a *attack) dial() *rawConn {
	c, err := net.DialTimeout("tcp", a.srv.Address, harness.Timeout)
	if err != nil {
		a.problem("dial: %v", err)
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(harness.Timeout))
	return &rawConn{a: a, conn: c.(*net.TCPConn), r: bufio.NewReader(c)}
}

func (c *rawConn) close() { _ = c.conn.Close() }

// reset closes with a RST.
func (c *rawConn) reset() {
	_ = c.conn.SetLinger(0)
	_ = c.conn.Close()
}

// send sends raw bytes. An error means that the server has closed, which may be right.
func (c *rawConn) send(raw string) error {
	_, err := io.WriteString(c.conn, raw)
	return err
}

// receive reads one answer and checks what holds for all answers.
func (c *rawConn) receive(method string) (answer, error) {
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	if res.StatusCode == http.StatusContinue {
		return answer{status: res.StatusCode}, nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	ans, err := parseAnswer(res, body, method)
	if err != nil {
		c.a.problem("%v", err)
	}
	c.a.count(ans)
	return ans, nil
}

// parseAnswer returns an answer, and an error if it breaks a rule for all answers.
func parseAnswer(res *http.Response, body []byte, method string) (answer, error) {
	a := answer{status: res.StatusCode, outcome: "page"}
	var fields struct {
		Attributed *bool
		Reason     string
		Error      string
		RequestID  string `json:"request_id"`
	}
	if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
		return a, fmt.Errorf("status %d", res.StatusCode)
	}
	if method == http.MethodHead {
		return a, nil
	}
	cookies := len(res.Header["Set-Cookie"])
	if res.StatusCode >= 400 {
		if err := json.Unmarshal(body, &fields); err != nil || fields.Error == "" || fields.RequestID != res.Header.Get("X-Request-Id") || cookies != 0 {
			return a, fmt.Errorf("a rejection without its envelope or with a cookie: %d %q %q", res.StatusCode, res.Header, body)
		}
		a.outcome = fields.Error
		return a, nil
	}
	if json.Unmarshal(body, &fields) != nil || fields.Attributed == nil {
		return a, nil // a page
	}
	if a.outcome = fields.Reason; *fields.Attributed {
		a.outcome = "attributed"
	}
	if cookies != 1 || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "ref_code=;") {
		return a, fmt.Errorf("an outcome with Set-Cookie %q", res.Header["Set-Cookie"])
	}
	return a, nil
}

// receiveAll reads answers until the server closes. closed is false if the deadline passed first.
func (c *rawConn) receiveAll() (answers []answer, closed bool) {
	for {
		a, err := c.receive(http.MethodPost)
		if err != nil {
			return answers, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		answers = append(answers, a)
	}
}

// headers returns the main call of u as a browser sends it, with more header lines and without the empty
// line at the end.
func headers(u harness.User, code string, lines ...string) string {
	raw := "POST /v1/auth/attribute HTTP/1.1\r\nHost: console.test\r\nX-CSRF-Token: " + u.CSRF + "\r\n" +
		"Cookie: nl_session=" + u.Session + "; nl_csrf=" + u.CSRF
	if code != "" {
		raw += "; ref_code=" + code
	}
	for _, l := range lines {
		raw += "\r\n" + l
	}
	return raw + "\r\n"
}

// request returns a complete call without a body.
func request(u harness.User, code string) string { return headers(u, code) + "\r\n" }

const healthRequest = "GET /healthz HTTP/1.1\r\nHost: console.test\r\n\r\n"

// Answers that several tests expect.
var (
	noCookie   = answer{200, "no_cookie"}
	page       = answer{200, "page"}
	badRequest = answer{400, "bad_request"}
)
