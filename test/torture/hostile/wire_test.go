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

// answer is one answer as it came over the wire.
type answer struct {
	status  int
	outcome string // "attributed", a reason, the tag of an error, or "page"
}

// wire is one connection of an attacker.
type wire struct {
	s    *siege
	conn *net.TCPConn
	r    *bufio.Reader
}

// dial connects, and fails the test when the server takes nobody any more.
func (s *siege) dial() *wire {
	c, err := net.DialTimeout("tcp", s.srv.Address, harness.Patience)
	if err != nil {
		s.fault("dial: %v", err)
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	return &wire{s: s, conn: c.(*net.TCPConn), r: bufio.NewReader(c)}
}

func (w *wire) close() { _ = w.conn.Close() }

// reset closes so that the peer's kernel sees a RST.
func (w *wire) reset() {
	_ = w.conn.SetLinger(0)
	_ = w.conn.Close()
}

// send sends the bytes as they are. The peer may have closed already: that is not the sender's business.
func (w *wire) send(raw string) error {
	_, err := io.WriteString(w.conn, raw)
	return err
}

// receive reads one answer and holds it against what every answer must be.
func (w *wire) receive(method string) (answer, error) {
	res, err := http.ReadResponse(w.r, &http.Request{Method: method})
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
	a, err := judge(res, body, method)
	if err != nil {
		w.s.fault("%v", err)
	}
	w.s.note(a)
	return a, nil
}

// judge says what an answer is, and what is wrong with it.
func judge(res *http.Response, body []byte, method string) (answer, error) {
	a := answer{status: res.StatusCode, outcome: "page"}
	var said struct {
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
		if err := json.Unmarshal(body, &said); err != nil || said.Error == "" || said.RequestID != res.Header.Get("X-Request-Id") || cookies != 0 {
			return a, fmt.Errorf("a refusal without its envelope or with a cookie: %d %q %q", res.StatusCode, res.Header, body)
		}
		a.outcome = said.Error
		return a, nil
	}
	if json.Unmarshal(body, &said) != nil || said.Attributed == nil {
		return a, nil // a page
	}
	if a.outcome = said.Reason; *said.Attributed {
		a.outcome = "attributed"
	}
	if cookies != 1 || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "ref_code=;") {
		return a, fmt.Errorf("an outcome with Set-Cookie %q", res.Header["Set-Cookie"])
	}
	return a, nil
}

// rest reads answers until the server closes, and tells whether it did so before the deadline.
func (w *wire) rest() (answers []answer, closed bool) {
	for {
		a, err := w.receive(http.MethodPost)
		if err != nil {
			return answers, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		answers = append(answers, a)
	}
}

// call is the main call of p as a browser would send it, with more header lines and no end of the head.
func call(p harness.Person, code string, lines ...string) string {
	raw := "POST /v1/auth/attribute HTTP/1.1\r\nHost: console.test\r\nX-CSRF-Token: " + p.CSRF + "\r\n" +
		"Cookie: nl_session=" + p.Session + "; nl_csrf=" + p.CSRF
	if code != "" {
		raw += "; ref_code=" + code
	}
	for _, l := range lines {
		raw += "\r\n" + l
	}
	return raw + "\r\n"
}

// whole is a call to the end, without a body.
func whole(p harness.Person, code string) string { return call(p, code) + "\r\n" }

const health = "GET /healthz HTTP/1.1\r\nHost: console.test\r\n\r\n"
