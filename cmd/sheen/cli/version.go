package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(_ context.Context, p *Program, args []string) error {
	if len(args) > 0 {
		return usagef("`sheen version` takes no argument: leave %q out", args[0])
	}
	version, commit := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	fmt.Fprintf(p.Stdout, "sheen %s (commit %s, %s)\n", version, commit, runtime.Version())
	return nil
}
