// Package hostile attacks the running server with requests that no browser sends, over raw sockets, while a
// regular client keeps calling it.
//
// Every test starts its own server. During the attack the regular client calls the main endpoint and
// /healthz, over kept and over new connections. The test reads the memory and descriptors of the server from
// /proc. After every attack:
//
//   - The regular client got the right answer to every call, 99 of 100 within two seconds. At most one of
//     100 answers was a 503, which says that the store was too busy to check the session.
//   - Memory and descriptors stayed within the bounds of the test, and the descriptors were released.
//   - No answer was a 5xx except 503. Every rejection had the error envelope and no Set-Cookie. Every answer
//     of the main endpoint had the Set-Cookie that deletes ref_code.
//   - The database has exactly what was answered: as many attributions and rejections as answers said so,
//     and nothing of the users whose requests were hidden in other requests.
//
// What stops each attack:
//
//	TestSlowClientsAreDisconnectedAfterReadTimeout     the read timeout, over headers and body together
//	TestClientsThatReadNothingAreDisconnected          the write timeout
//	TestIdleConnectionsUseBoundedMemory                the size of the read buffer, the idle timeout
//	TestIncompleteRequestsUseBoundedMemory             the limits of headers and body
//	TestLargeHeadersAreAcceptedOrRejectedBySize        the limit of the headers: 16 KiB pass, 20 KiB do not
//	TestEndlessBodiesAreRejectedBeforeTheyAreRead      the limit of the body, and a bounded read after the rejection
//	TestPipelinedRequestsAreAnsweredInOrder            one answer for each request, in order
//	TestHiddenRequestsAreNeverExecuted                 the check of the framing, and closing after a chunked request
//	TestAbortedRequestsAreDecidedOnceOrNotAtAll        an attempt is decided even if the client has gone
//	TestOtherProtocolsAndGarbageAreRejected            the check of request line and headers, answers that quote nothing
//	TestFloodOfOneUserCostsOthersNothing               one undecided attempt per user, one line per user and code, the daily limit
//	TestServerWorksWhenDescriptorsRunOut               the limit of connections, which reserves descriptors for store and spool
package hostile

import (
	"fmt"
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) {
	if options := os.Getenv(floodVariable); options != "" {
		if err := runFlood(options); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(harness.Main(m))
}
