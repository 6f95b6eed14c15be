package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

// BenchmarkAttribute measures what the server adds to a call: everything but the network and the store.
func BenchmarkAttribute(b *testing.B) {
	now := time.Now()
	tokens, session, err := auth.NewSession(rand.Reader, "11111111-1111-4111-8111-111111111111", now, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	start := "POST /v1/auth/attribute HTTP/1.1\r\nHost: api.example.com\r\nCookie: nl_session=" + tokens.Session + "; nl_csrf=" + tokens.CSRF
	end := "\r\nX-CSRF-Token: " + tokens.CSRF + "\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
	for name, cookie := range map[string]string{"with a code": "; ref_code=some-code", "no_cookie": ""} {
		b.Run(name, func(b *testing.B) {
			s := server.New(server.Config{}, server.Deps{
				Sessions: oneSession{session},
				Referrals: submitFunc(func(context.Context, referral.Attempt) referral.Outcome {
					return referral.Outcome{Attributed: true}
				}),
			})
			c := &benchConn{request: []byte(start + cookie + end), n: b.N, closed: make(chan struct{})}
			b.ReportAllocs()
			b.ResetTimer()
			if err := s.Serve(&benchListener{conn: c}); err != nil {
				b.Fatal(err)
			}
			<-c.closed
			if c.ok != b.N {
				b.Errorf("%d of %d requests were answered 200", c.ok, b.N)
			}
		})
	}
}

type oneSession struct{ session auth.Session }

func (o oneSession) FindSession(context.Context, auth.Hash) (auth.Session, error) {
	return o.session, nil
}

// benchListener accepts one connection, and ends when that is closed.
type benchListener struct {
	conn     *benchConn
	accepted bool
}

func (l *benchListener) Accept() (net.Conn, error) {
	if l.accepted {
		<-l.conn.closed
		return nil, io.EOF
	}
	l.accepted = true
	return l.conn, nil
}

func (*benchListener) Close() error   { return nil }
func (*benchListener) Addr() net.Addr { return &net.TCPAddr{} }

// benchConn has n requests to read, one at a time, and counts the answers.
type benchConn struct {
	net.Conn
	request []byte
	n, ok   int
	closed  chan struct{}
}

func (c *benchConn) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, io.EOF
	}
	c.n--
	return copy(p, c.request), nil
}

func (c *benchConn) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("HTTP/1.1 200 OK\r\n")) {
		c.ok++
	}
	return len(p), nil
}

func (c *benchConn) Close() error {
	close(c.closed)
	return nil
}

func (*benchConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*benchConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*benchConn) SetDeadline(time.Time) error      { return nil }
func (*benchConn) SetReadDeadline(time.Time) error  { return nil }
func (*benchConn) SetWriteDeadline(time.Time) error { return nil }
