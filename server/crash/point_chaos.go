//go:build chaos

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The settings: SHEEN_CRASH is "SIGNAL NUMBER NAME", such as "kill 2 plan: stored"
// for the second time that the process comes by that moment; the signal is kill or
// stop. The mark is the file that SHEEN_CRASH_MARK names.
const (
	settingVar = "SHEEN_CRASH"
	markVar    = "SHEEN_CRASH_MARK"
)

type plan struct {
	signal syscall.Signal
	name   string
	left   atomic.Int64
}

var armed = sync.OnceValue(func() *plan {
	signal, rest, _ := strings.Cut(os.Getenv(settingVar), " ")
	number, name, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return &plan{}
	}
	p := &plan{name: name, signal: syscall.SIGKILL}
	if signal == "stop" {
		p.signal = syscall.SIGSTOP
	}
	p.left.Store(n)
	return p
})

// Point ends or stops the process if its setting says so.
func Point(name string) {
	p := armed()
	if p.name != name || p.left.Add(-1) != 0 {
		return
	}
	if os.WriteFile(os.Getenv(markVar), []byte(name), 0o600) != nil {
		return // Without a mark there is no crash, and the test fails.
	}
	_ = syscall.Kill(os.Getpid(), p.signal)
	// The signal arrives when it does: nothing else may happen before.
	if p.signal == syscall.SIGKILL {
		select {}
	}
	time.Sleep(time.Second)
}
