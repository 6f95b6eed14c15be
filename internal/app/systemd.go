package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/triport/triport-console/internal/bounded"
)

// metricsSocket is the FileDescriptorName of the metrics' socket. A socket of any other name is the server's.
const metricsSocket = "metrics"

// sockets are the listening sockets that the service manager passed, or else nil. It keeps them open.
type sockets struct{ server, metrics net.Listener }

func passedSockets() (s sockets, err error) {
	named, err := activation.ListenersWithNames()
	for name, listeners := range named {
		to := &s.server
		if name == metricsSocket {
			to = &s.metrics
		}
		if *to != nil || len(listeners) > 1 {
			return s, errors.New("the service manager passed several sockets of one kind: " +
				"pass one, and one for the metrics with FileDescriptorName=" + metricsSocket)
		}
		*to = listeners[0]
	}
	if err != nil {
		return s, fmt.Errorf("take the sockets of the service manager: %w", err)
	}
	return s, nil
}

// socketOr returns the passed socket, or else binds the address.
func socketOr(ctx context.Context, passed net.Listener, address, setting string) (net.Listener, error) {
	if passed != nil {
		return passed, nil
	}
	return listen(ctx, address, setting)
}

// notifyTimeout limits a notification: a socket that is not read must not stop the server from serving or ending.
const notifyTimeout = time.Second

// notify tells the service manager the state, if it asked for it.
func (a *app) notify(state string) { a.notifyBy(new(bounded.Call[bool]), state) }

func (a *app) notifyBy(call *bounded.Call[bool], state string) {
	_, err := call.Do(notifyTimeout, func() (bool, error) { return daemon.SdNotify(false, state) })
	if err != nil {
		a.Log.Warn("service manager could not be notified", "error", err, "state", state,
			"hint", "allow the unit to use AF_UNIX sockets, or set Type=exec and no WatchdogSec")
	}
}

// feedWatchdog reports in half of the watchdog's time that the locks of requests can be taken. It does not report on the
// disk: a server that spools must not be restarted.
func (a *app) feedWatchdog(ctx context.Context) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil || within <= 0 {
		return
	}
	var call bounded.Call[bool] // one: calls that hang must not add up
	tick := time.NewTicker(within / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = a.server.Connections(), a.store.Queued()
			a.notifyBy(&call, daemon.SdNotifyWatchdog)
		}
	}
}
