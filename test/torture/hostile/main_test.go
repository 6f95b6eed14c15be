// Package hostile attacks the running server with what no browser sends, over raw sockets, while a polite
// client goes on calling it.
//
// Every test lays siege to a server process of its own. While the attack goes on, a bystander calls the
// main endpoint and /healthz, over kept and over new connections, and the kernel is asked for the process's
// memory and descriptors. When the siege is lifted, the same is demanded after every attack:
//
//   - the bystander was answered, rightly, every time, and 99 of 100 times within two seconds; at most one
//     answer of 100 was a 503, which says that the store was too busy to tell whether a session is valid;
//   - memory and descriptors stayed within the test's bound, and the descriptors came back;
//   - no answer was a 5xx other than 503, every refusal was the envelope without a Set-Cookie, every answer
//     of the main endpoint had the one that deletes ref_code;
//   - the store holds exactly what was asked and answered: as many attributions as answers said so, as
//     many refusals in the audit log, and nothing at all of those whose requests lay hidden in others.
//
// What holds each attack off:
//
//	TestSlowClientsAreCutOffAfterTenSeconds            the read timeout, over head and body together
//	TestClientsThatReadNoAnswersAreCutOff              the write timeout
//	TestFiveThousandIdleConnections                    the size of the read buffer, the idle timeout
//	TestThousandsOfHalfSentRequests                    the limits of head and body, which bound a connection's memory
//	TestFloodsOfHeadersAndCookies                      the limit of the head: 16 KiB pass, 20 KiB do not
//	TestBodiesWithoutEnd                               the limit of the body, refused before it is read, and a closing that is gentle but bounded
//	TestThousandsOfPipelinedRequests                   one answer for each request, in order
//	TestNothingIsSmuggledIn                            the check of the framing, and closing after a chunked request
//	TestAbortedRequestsAreWholeOrNothing               an attempt is decided whole, whoever still listens
//	TestOtherProtocolsAndRubbish                       the check of request line and head, answers that quote nothing
//	TestDescriptorsRunOut                              the limit of connections, which leaves descriptors to the store and the spool
package hostile

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
