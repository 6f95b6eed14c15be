// Package serve is what the servers of the benchmarks have in common: they listen where they are told,
// say where that is in the product's words, and stop on SIGTERM.
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

	"github.com/triport/triport-console/internal/server"
)

// Listen binds the address and announces it.
func Listen(address string, out io.Writer) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "listening on http://%s\n", ln.Addr())
	return ln, err
}

// UntilTold returns a context that ends with SIGTERM or SIGINT.
func UntilTold() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// Path is the endpoint that is measured.
const Path = "/v1/auth/attribute"

// NewApp returns a Fiber application with the product's limits and timeouts.
func NewApp() *fiber.App {
	return fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, BodyLimit: 64 << 10, ReadBufferSize: 18 << 10,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		DisablePreParseMultipartForm: true, DisableDefaultContentType: true, DisableStartupMessage: true,
	})
}

// Run serves the application until the process is told to stop.
func Run(app *fiber.App, ln net.Listener) error {
	ctx, cancel := UntilTold()
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

// Forget is the Set-Cookie value that deletes ref_code.
var Forget = server.Cookie{Name: server.RefCookie, HTTPOnly: true}.String()

// RequestID returns an id as the product makes them.
func RequestID() string {
	var b [8]byte
	for i, n := 0, rand.Uint64(); i < len(b); i, n = i+1, n>>8 {
		b[i] = byte(n)
	}
	return "req_" + hex.EncodeToString(b[:])
}

// Answer writes the product's answer, with all of its headers.
func Answer(c *fiber.Ctx, requestID, body string) error {
	c.Set("X-Request-Id", requestID)
	c.Set(fiber.HeaderCacheControl, "no-store")
	server.Guard(&c.Response().Header)
	c.Set(fiber.HeaderSetCookie, Forget)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendString(body)
}
