package cluster

import (
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// tuning is Temporal's dynamic configuration for one small process that must answer fast and stay small. The reasons
// were measured; each number has the default it replaces beside it.
func tuning() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// A queue processor reads its queue at most this often: 20 a second (the default) adds up to 50 ms to each step.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   500,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      500,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 100,

		// A timer fires up to this late (1 s), waits between attempts included. It allows for clocks that differ between
		// machines; here there is one.
		dynamicconfig.TimerProcessorMaxTimeShift.Key(): 20 * time.Millisecond,

		// One partition a task queue instead of 4: there is a queue for each host, each partition is memory and goroutines,
		// and one partition serves more tasks a second than this machine has.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// Long polls at once in a namespace (1,200): two queues with several pollers for each host, and a timeline reader
		// for each open page.
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): 20000,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():        100, // 10: lists and counts

		// Caches sized for hundreds of workflows at work at once, not hundreds of thousands: what has ended stays in them for an
		// hour, and once they have filled the heap up to its limit the collector takes more time than the work.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():     512,     // 128,000 entries
		dynamicconfig.EventsHostLevelCacheMaxSizeBytes.Key(): 8 << 20, // 256 MiB

		// Only the first start waits for this, until a namespace that was just registered is seen everywhere.
		dynamicconfig.NamespaceCacheRefreshInterval.Key(): time.Second, // 2 s
	}
}
