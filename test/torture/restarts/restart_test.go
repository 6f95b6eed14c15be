package restarts

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// clients is the number of connections to nginx. It is larger than nginx's 32 kept connections to the server.
const clients = 48

func TestRestartBehindProxyFailsNoRequest(t *testing.T) {
	requests := harness.Scale(20_000, 100_000)
	site := harness.NewSite(t, t.TempDir())
	site.AddUsers(1 + requests/20)
	u := newUnit(t, site)
	proxy := startNginx(t, u.socket.Addr().String())

	u.start()
	ledger := harness.NewLedger()
	loaded := make(chan struct{})
	var failed atomic.Int64
	go func() {
		defer close(loaded)
		failed.Store(load(t, site, proxy, requests, ledger))
	}()
	restarts := 0
	for pause := time.NewTicker(400 * time.Millisecond); ; restarts++ {
		select {
		case <-pause.C:
			u.stop()
			u.start()
			continue
		case <-loaded:
			pause.Stop()
		}
		break
	}
	site.WaitDrained()
	u.stop()
	if n := failed.Load(); n > 0 || restarts < 3 {
		t.Errorf("%d of %d requests failed in %d restarts", n, requests, restarts)
	}
	r := site.Check(ledger, true)
	if r.Failed() {
		t.Error(r.Summary())
	}
	harness.Figures(t, "restarts", "requests", requests, "restarts", restarts, "failed", failed.Load(),
		"acknowledged", r.Acknowledged, "lost", len(r.Lost), "duplicates", len(r.Duplicates))
}

// load makes calls in turn for all users but the first, whose code they present. It returns how many did not get 200.
func load(t *testing.T, site *harness.Site, address string, requests int, l *harness.Ledger) (failed int64) {
	c := harness.NewClient(clients)
	defer c.Close()
	users, code := site.Users[1:], site.Users[0].Code
	var next, failures atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for i := next.Add(1); i <= int64(requests); i = next.Add(1) {
				u := users[i%int64(len(users))]
				a, err := c.Attribute(t.Context(), address, u, code)
				l.AddAnswer(u, code, a)
				if (err != nil || a.Status != 200) && failures.Add(1) <= 5 {
					t.Errorf("call %d: %d %s, %v", i, a.Status, a.Error, err)
				}
			}
		})
	}
	all.Wait()
	return failures.Load()
}

// unit is what a service manager knows of the server: its socket, and the process that serves it.
type unit struct {
	t      *testing.T
	site   *harness.Site
	socket *net.TCPListener // never accepts
	notify *net.UnixConn
	cmd    *exec.Cmd
	log    *os.File
}

func newUnit(t *testing.T, site *harness.Site) *unit {
	t.Helper()
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	u := &unit{t: t, site: site, socket: socket, notify: notify, log: log}
	t.Cleanup(func() {
		if u.cmd != nil {
			_ = u.cmd.Process.Kill()
		}
		_, _, _ = socket.Close(), notify.Close(), log.Close()
	})
	return u
}

// start starts a process with the socket and waits until it says that it is ready.
func (u *unit) start() {
	u.t.Helper()
	f, err := u.socket.File()
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	serve := u.site.Command("serve")
	// LISTEN_PID is the process itself, as systemd sets it.
	u.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`}, serve.Args...)...)
	u.cmd.Env = append(serve.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=triport-console.socket",
		"NOTIFY_SOCKET="+u.notify.LocalAddr().String(), "WATCHDOG_USEC=200000")
	u.cmd.Stderr, u.cmd.ExtraFiles = u.log, []*os.File{f}
	if err := u.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.await("READY=1")
	u.await("WATCHDOG=1")
}

// stop sends SIGTERM and waits for exit code 0.
func (u *unit) stop() {
	u.t.Helper()
	if err := u.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		u.t.Fatal(err)
	}
	u.await("STOPPING=1")
	if err := u.cmd.Wait(); err != nil {
		log, _ := os.ReadFile(u.log.Name())
		u.t.Fatalf("the server ended with %v: %s", err, log)
	}
}

// await reads notifications until it gets this one.
func (u *unit) await(state string) {
	u.t.Helper()
	b := make([]byte, 256)
	if err := u.notify.SetReadDeadline(time.Now().Add(harness.Timeout)); err != nil {
		u.t.Fatal(err)
	}
	for {
		n, err := u.notify.Read(b)
		if err != nil {
			log, _ := os.ReadFile(u.log.Name())
			u.t.Fatalf("no %s: %v: %s", state, err, log)
		}
		if string(b[:n]) == state {
			return
		}
	}
}

// startNginx runs nginx with the configuration of docs/operating.md, without TLS, and returns its address.
func startNginx(t *testing.T, upstream string) (address string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is not installed: install the package nginx")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	_ = free.Close()
	dir := t.TempDir()
	config := strings.NewReplacer("UPSTREAM", upstream, "ADDRESS", address, "DIR", dir).Replace(nginxConfig)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	nginx := exec.CommandContext(ctx, program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "errors"))
	nginx.Cancel = func() error { return nginx.Process.Signal(syscall.SIGTERM) } // it ends its workers
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = nginx.Wait()
		if errors, _ := os.ReadFile(filepath.Join(dir, "errors")); t.Failed() {
			t.Logf("nginx: %.4000s", errors)
		}
	})
	harness.WaitFor(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return address
}

const nginxConfig = `
daemon off;
worker_processes 2;
pid DIR/pid;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    upstream console_api {
        server UPSTREAM;
        keepalive 32;
        keepalive_timeout 30s;
    }
    server {
        listen ADDRESS;
        client_max_body_size 64k;
        location / {
            proxy_pass http://console_api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
        }
    }
}
`
