package bounded_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/triport/triport-console/internal/bounded"
)

func TestCallsShareAFunctionThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var call bounded.Call[int]
		var called atomic.Int64
		release := make(chan struct{})
		hang := func() (int, error) { called.Add(1); <-release; return 7, nil }
		for range 3 {
			start := time.Now()
			if got, err := call.Do(time.Second, hang); got != 0 || !errors.Is(err, bounded.TimeoutError(time.Second)) {
				t.Errorf("Do = %d, %v, want a TimeoutError", got, err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("Do took %s, want 1s", took)
			}
		}
		answer := make(chan int)
		go func() {
			got, _ := call.Do(time.Minute, hang)
			answer <- got
		}()
		synctest.Wait()
		close(release)
		if got := <-answer; got != 7 || called.Load() != 1 {
			t.Errorf("Do = %d after %d calls, want the result of the first call", got, called.Load())
		}
	})
}

func TestAFinishedFunctionIsCalledAgain(t *testing.T) {
	t.Parallel()
	var call bounded.Call[string]
	failed := errors.New("failed")
	if got, err := call.Do(time.Minute, func() (string, error) { return "", failed }); got != "" || !errors.Is(err, failed) {
		t.Errorf("Do = %q, %v", got, err)
	}
	if got, err := call.Do(time.Minute, func() (string, error) { return "ok", nil }); got != "ok" || err != nil {
		t.Errorf("Do = %q, %v", got, err)
	}
}

func TestTimeoutErrorNamesTheLimit(t *testing.T) {
	t.Parallel()
	if got := bounded.TimeoutError(time.Second).Error(); got != "no answer within 1s" {
		t.Error(got)
	}
}
