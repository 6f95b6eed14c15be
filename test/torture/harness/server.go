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

// Server is a running `serve` process of a site.
type Server struct {
	Address string // host and port
	PID     int

	t    testing.TB
	cmd  *exec.Cmd
	log  syncBuffer
	done chan struct{}
	err  error
}

// StartServer starts a server and returns once it listens. The end of the test kills it.
func (s *Site) StartServer(args ...string) *Server {
	s.T.Helper()
	srv, err := s.TryStartServer(args...)
	if err != nil {
		s.T.Fatal(err)
	}
	return srv
}

// TryStartServer is StartServer for a server that may fail to start.
func (s *Site) TryStartServer(args ...string) (*Server, error) {
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
		code := srv.Wait()
		return nil, &StartError{Log: srv.Log(), ExitCode: code, Err: err}
	}
	srv.Address = address
	return srv, nil
}

// StartError says that a server ended before it listened.
type StartError struct {
	Log      string
	ExitCode int
	Err      error
}

func (e *StartError) Error() string { return "the server did not start: " + e.Log }
func (e *StartError) Unwrap() error { return e.Err }

// Log returns what the server has written to its standard error.
func (srv *Server) Log() string { return srv.log.String() }

// Kill sends SIGKILL and returns once the process has ended.
func (srv *Server) Kill() {
	_ = srv.cmd.Process.Kill()
	<-srv.done
}

// Signal sends the process a signal.
func (srv *Server) Signal(sig syscall.Signal) { _ = srv.cmd.Process.Signal(sig) }

// Stop sends SIGTERM and waits for exit code 0.
func (srv *Server) Stop() {
	srv.t.Helper()
	srv.Signal(syscall.SIGTERM)
	if code := srv.Wait(); code != 0 {
		srv.t.Fatalf("the server exited with %d:\n%s", code, srv.Log())
	}
}

// Wait waits until the process ends by itself and returns its exit code; -1 if a signal ended it.
func (srv *Server) Wait() int {
	srv.t.Helper()
	select {
	case <-srv.done:
	case <-time.After(Timeout):
		srv.t.Fatalf("the server does not end:\n%s", srv.Log())
	}
	return ExitCode(srv.err)
}

// Done is closed when the process has ended.
func (srv *Server) Done() <-chan struct{} { return srv.done }

// syncBuffer is a bytes.Buffer that is safe for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
