package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// conn is a keep-alive connection with at most one request on it.
type conn struct {
	fd   int
	buf  []byte
	n    int // bytes of an incomplete answer
	sent time.Time
}

func dial(addr netip.AddrPort) (*conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = errors.Join(
		os.NewSyscallError("connect", syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})),
		os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)),
		os.NewSyscallError("fcntl", syscall.SetNonblock(fd, true)),
	)
	if err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	return &conn{fd: fd, buf: make([]byte, 4096)}, nil
}

func (c *conn) write(request []byte) error {
	n, err := raw(syscall.SYS_WRITE, c.fd, request)
	if err != nil {
		return os.NewSyscallError("write", err)
	}
	if n < len(request) {
		return errors.New("a request did not fit into an empty socket buffer")
	}
	return nil
}

// read returns a complete answer: its body, or its status if that is not 200. It returns nil if the answer is
// incomplete. The result is valid until the next read.
func (c *conn) read() ([]byte, error) {
	n, err := raw(syscall.SYS_READ, c.fd, c.buf[c.n:])
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("read", err)
	case n == 0:
		return nil, errors.New("the server closed a connection, or its answer is longer than 4 KiB")
	}
	c.n += n
	answer, complete, err := parse(c.buf[:c.n])
	if complete {
		c.n = 0
	}
	return answer, err
}

// raw is a read or write without a word to Go's scheduler, which has nothing else to run here.
func raw(call uintptr, fd int, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// epollWait is raw for epoll_pwait, which all platforms have.
func epollWait(poll int, events []syscall.EpollEvent, timeout time.Duration) (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(unsafe.SliceData(events))),
		uintptr(len(events)), uintptr(timeout.Milliseconds()), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

var (
	endOfHeaders = []byte("\r\n\r\n")
	length       = []byte("\r\nContent-Length: ")
	ok           = []byte("200")
)

// parse parses an answer, which may be incomplete.
func parse(b []byte) (answer []byte, complete bool, err error) {
	end := bytes.Index(b, endOfHeaders)
	if end < 0 {
		return nil, false, nil
	}
	headers, body := b[:end], b[end+len(endOfHeaders):]
	i := bytes.Index(headers, length)
	if i < 0 || len(headers) < len("HTTP/1.1 200") {
		return nil, false, errors.New("an answer without Content-Length")
	}
	value, _, _ := bytes.Cut(headers[i+len(length):], []byte("\r\n"))
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return nil, false, fmt.Errorf("Content-Length: %w", err)
	}
	if len(body) < n {
		return nil, false, nil
	}
	if len(body) > n {
		return nil, false, errors.New("more than one answer to a request")
	}
	if status := headers[9:12]; !bytes.Equal(status, ok) {
		return status, true, nil
	}
	return bytes.TrimSpace(body), true, nil
}
