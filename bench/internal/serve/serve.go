// Package serve is shared by the servers of the benchmark: they listen on a given address, print it as the
// product does, and stop on SIGTERM.
package serve

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/triport/triport-console/internal/auth"
)

// Listen binds the address and prints it.
func Listen(address string, out io.Writer) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "listening on http://%s\n", ln.Addr())
	return ln, err
}

// SignalContext returns a context that ends with SIGTERM or SIGINT.
func SignalContext() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// Path is the measured endpoint.
const Path = "/v1/auth/attribute"

// NewApp returns a Fiber application with the product's limits and timeouts.
func NewApp() *fiber.App {
	return fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, BodyLimit: 64 << 10, ReadBufferSize: 18 << 10,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		DisablePreParseMultipartForm: true, DisableDefaultContentType: true, DisableStartupMessage: true,
	})
}

// Run serves the application until SIGTERM or SIGINT.
func Run(app *fiber.App, ln net.Listener) error {
	ctx, cancel := SignalContext()
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return app.ShutdownWithTimeout(10 * time.Second)
	}
}

// DeleteRefCode is the Set-Cookie value that deletes ref_code.
var DeleteRefCode = auth.Cookie{Name: auth.RefCookie, HTTPOnly: true}.String()

// headers are those that the product sets on every answer.
var headers = [][2]string{
	{fiber.HeaderCacheControl, "no-store"},
	{fiber.HeaderXContentTypeOptions, "nosniff"},
	{fiber.HeaderContentSecurityPolicy, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"},
	{fiber.HeaderReferrerPolicy, "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{fiber.HeaderSetCookie, DeleteRefCode},
	{fiber.HeaderContentType, fiber.MIMEApplicationJSON},
}

// RequestID returns an id in the product's format.
func RequestID() string {
	var b [8]byte
	for i, n := 0, rand.Uint64(); i < len(b); i, n = i+1, n>>8 {
		b[i] = byte(n)
	}
	return "req_" + hex.EncodeToString(b[:])
}

// Answer writes the product's answer with all its headers.
func Answer(c *fiber.Ctx, requestID, body string) error {
	c.Set("X-Request-Id", requestID)
	for _, h := range headers {
		c.Set(h[0], h[1])
	}
	return c.SendString(body)
}
