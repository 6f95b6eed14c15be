package server

import (
	"context"
	"fmt"
	"net"
	"time"
)

// At the end of a shutdown's patience, what has just been told to give up gets these moments: an
// attempt the store did not take is still written to the spool, in two seconds at most, and its answer
// to the client.
const (
	abandonGrace = 3 * time.Second
	answerGrace  = 200 * time.Millisecond
)

// Serve answers requests on ln, which it closes, until Shutdown: then it returns nil at once, while
// Shutdown still waits for the requests that are being answered.
func (s *Server) Serve(ln net.Listener) error {
	l := newListener(ln, &s.conns, s.log)
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	if s.stopping.Load() {
		_ = l.Close()
	}
	if err := s.http.Serve(l); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, closes the connections nobody waits on, and lets the requests that are
// being answered finish until ctx ends. What is not finished by then is told to give up (so that
// attempts reach the spool), its connections are closed, and the error is that of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	// fasthttp closes connections that are idle between two requests, but waits for one that has
	// never said a word until its read timeout.
	s.conns.hurrySilent()
	err := s.http.ShutdownWithContext(ctx)
	s.abandon()
	if err != nil {
		if s.waitForRunning(abandonGrace) {
			s.conns.waitUntilNone(answerGrace)
		}
		err = fmt.Errorf("requests were still being answered: %w", err)
	}
	s.conns.closeAll()
	return err
}

// waitForRunning waits until no request is being answered; false says that the time was over first.
func (s *Server) waitForRunning(limit time.Duration) bool {
	done := make(chan struct{})
	go func() {
		s.running.Lock()
		defer s.running.Unlock()
		close(done)
	}()
	return within(limit, done)
}

// within waits until done is closed; false says that the time was over first.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
