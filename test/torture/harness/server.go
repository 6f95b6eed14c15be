package harness

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is the program serving a site, as a process of its own.
type Server struct {
	Address string // host and port
	PID     int

	t    testing.TB
	cmd  *exec.Cmd
	log  safeBuffer
	done chan struct{}
	err  error
}

// Serve starts a server and returns once it listens. It is killed at the end of the test, unless it
// has ended before.
func (s *Site) Serve(args ...string) *Server {
	s.T.Helper()
	srv, err := s.TryServe(args...)
	if err != nil {
		s.T.Fatal(err)
	}
	return srv
}

// TryServe is Serve for a server that may not come to listen.
func (s *Site) TryServe(args ...string) (*Server, error) {
	srv := &Server{t: s.T, cmd: s.Command(append([]string{"serve"}, args...)...), done: make(chan struct{})}
	srv.cmd.Stderr = &srv.log
	out, err := srv.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := srv.cmd.Start(); err != nil {
		return nil, err
	}
	srv.PID = srv.cmd.Process.Pid
	s.T.Cleanup(srv.Kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		srv.err = srv.cmd.Wait()
		close(srv.done)
	}()
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !ok {
		<-srv.done
		return nil, &NotListening{Said: srv.Log(), Err: err}
	}
	srv.Address = address
	return srv, nil
}

// NotListening says that a server ended before it listened.
type NotListening struct {
	Said string
	Err  error
}

func (e *NotListening) Error() string { return "the server did not come to listen: " + e.Said }
func (e *NotListening) Unwrap() error { return e.Err }

// Log is what the server wrote to its standard error so far.
func (srv *Server) Log() string { return srv.log.String() }

// Kill ends the process as a power cut would, at this very moment, and returns when it is gone.
func (srv *Server) Kill() {
	_ = srv.cmd.Process.Kill()
	<-srv.done
}

// Signal sends the process a signal.
func (srv *Server) Signal(sig syscall.Signal) { _ = srv.cmd.Process.Signal(sig) }

// Stop ends the server in good order.
func (srv *Server) Stop() {
	srv.t.Helper()
	srv.Signal(syscall.SIGTERM)
	select {
	case <-srv.done:
	case <-time.After(Patience):
		srv.t.Fatalf("the server does not stop:\n%s", srv.Log())
	}
	if srv.err != nil {
		srv.t.Fatalf("the server ended with %v:\n%s", srv.err, srv.Log())
	}
}

// Ended is closed when the process has gone.
func (srv *Server) Ended() <-chan struct{} { return srv.done }

// safeBuffer is a bytes.Buffer that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
