package main

import "time"

// size is how much of everything a run has.
type size struct {
	fanOut    fanOutSize
	append    appendSize
	reconnect reconnectSize
	deep      deepSize
	slow      slowSize
	idle      idleSize
}

func fullSize() size {
	return size{
		fanOut:    fanOutSize{subscribers: 1000, events: 2000, bytes: 512, runs: 3, paced: 6 * time.Second},
		append:    appendSize{builds: 500, events: 100_000, bytes: 160, runs: 3, rate: 5000, burst: 5, paced: 6 * time.Second},
		reconnect: reconnectSize{builds: 50, subscribers: 3000, behind: 500, bytes: 160, rate: 10, runs: 3},
		deep:      deepSize{events: 100_000, bytes: 160, few: 5, many: 50, live: 50, rate: 200, alone: 5 * time.Second},
		slow:      slowSize{subscribers: 1000, bytes: 512, rate: 100, burst: 10, duration: 20 * time.Second, stalled: 50, slow: 50, gone: 10, runs: 3},
		idle:      idleSize{builds: 50, connections: 100, streams: 50, settle: 20 * time.Second, watch: 20 * time.Second},
	}
}

// shortSize shows that everything works, and nothing about speed.
func shortSize() size {
	return size{
		fanOut:    fanOutSize{subscribers: 100, events: 200, bytes: 512, runs: 1, paced: 2 * time.Second},
		append:    appendSize{builds: 50, events: 5000, bytes: 160, runs: 1, rate: 500, burst: 5, paced: 2 * time.Second},
		reconnect: reconnectSize{builds: 5, subscribers: 200, behind: 100, bytes: 160, rate: 10, runs: 1},
		deep:      deepSize{events: 5000, bytes: 160, few: 2, many: 10, live: 10, rate: 100, alone: 2 * time.Second},
		slow:      slowSize{subscribers: 100, bytes: 512, rate: 100, burst: 10, duration: 4 * time.Second, stalled: 5, slow: 5, gone: 1, runs: 1},
		idle:      idleSize{builds: 5, connections: 10, streams: 20, settle: 2 * time.Second, watch: 2 * time.Second},
	}
}
