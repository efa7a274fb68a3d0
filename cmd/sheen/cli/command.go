package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server"
)

// command is one subcommand.
type command struct {
	name, arguments, summary string
	// details are more sentences for its help.
	details string
	// flags declares its own flags; for the help only what they are called.
	flags func(*flag.FlagSet)
	// config says that it takes the settings too, with these defaults.
	config   bool
	defaults map[string]string
	run      func(ctx context.Context, p *Program, args []string) error
}

func commands() []command {
	return []command{
		{
			name: "build", arguments: `"PROMPT"`, summary: "build a site and show it",
			details: "Starts an embedded Sheen, or uses the one of --server, builds the site, and serves\n" +
				"its preview until Ctrl-C. Ctrl-C before the end cancels the build.",
			flags: func(f *flag.FlagSet) { new(buildFlags).bind(f) }, config: true, defaults: buildDefaults(), run: runBuild,
		},
		{
			name: "serve", summary: "serve the API and the previews",
			details: "With --embedded it needs neither a database nor a Redis.", config: true, run: runServe,
		},
		{
			name: "watch", arguments: "BUILD", summary: "watch a build",
			details: "Uses the Sheen that runs on the data folder, or the one of --server. Ctrl-C stops\n" +
				"watching and leaves the build alone.",
			flags: func(f *flag.FlagSet) { new(watchFlags).bind(f) }, run: runWatch,
		},
		{
			name: "token", summary: "print a token for the Sheen of the data folder",
			details: "Without --user it is for the user of `sheen build`.",
			flags:   func(f *flag.FlagSet) { new(tokenFlags).bind(f) }, run: runToken,
		},
		{
			name: "audit", summary: "check the books of AI time",
			details: "Prints ok, or a line for each contradiction. Uses the Sheen that runs on the data\n" +
				"folder, or the one of --server with the token of an admin.",
			flags: func(f *flag.FlagSet) { new(auditFlags).bind(f) }, run: runAudit,
		},
		{name: "version", summary: "print the version", run: runVersion},
		{name: "help", arguments: "[COMMAND]", summary: "explain a command", run: runHelp},
	}
}

func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

// overview is the help of the whole program.
func overview() string {
	var text strings.Builder
	text.WriteString("Sheen turns a prompt into a site and shows it while it is written.\n\n")
	text.WriteString("  sheen build \"A booking site for my hair salon in Lyon\"\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&text, "  %-8s %s\n", c.name, c.summary)
	}
	text.WriteString("\n`sheen help COMMAND` explains one.\n")
	return text.String()
}

// help is the help of one command.
func (c command) help() string {
	const column = 24
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", strings.TrimSpace("Usage: sheen "+c.name+" "+c.arguments+c.flagsHint()))
	fmt.Fprintf(&text, "\n%s.\n", strings.ToUpper(c.summary[:1])+c.summary[1:])
	if c.details != "" {
		text.WriteString(c.details + "\n")
	}
	if c.flags != nil {
		text.WriteString("\nFlags:\n")
		flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.flags(flags)
		flags.VisitAll(func(f *flag.Flag) {
			kind, meaning := flag.UnquoteUsage(f)
			fmt.Fprintf(&text, "  %-*s %s\n", column, strings.TrimSpace("--"+f.Name+" "+kind), meaning)
		})
	}
	if c.config {
		text.WriteString("\nSettings, also as environment variables (--data-dir is SHEEN_DATA_DIR):\n")
		text.WriteString(server.ConfigUsage(c.defaults))
	}
	return text.String()
}

func (c command) flagsHint() string {
	if c.flags == nil && !c.config {
		return ""
	}
	return " [FLAGS]"
}

func runHelp(_ context.Context, p *Program, args []string) error {
	switch len(args) {
	case 0:
		fmt.Fprint(p.Stdout, overview())
		return nil
	case 1:
		cmd, ok := find(args[0])
		if !ok {
			return usagef("unknown command %q: `sheen help` lists them", args[0])
		}
		fmt.Fprint(p.Stdout, cmd.help())
		return nil
	default:
		return usagef("`sheen help` explains one command at a time")
	}
}

// newFlags returns a silent flag set: what is wrong is said by parse.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}

// parse reads flags before, between and after the other arguments, and returns
// the latter. After "--" nothing is a flag.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest, verbatim []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, verbatim = args[:i], args[i+1:]
	}
	for {
		if err := flags.Parse(args); err != nil {
			return nil, flagProblem(flags.Name(), err)
		}
		if flags.NArg() == 0 {
			return append(rest, verbatim...), nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

// flagProblem puts the complaints of package flag, which has no error values
// for them, into our own words.
func flagProblem(cmd string, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return usagef("unknown flag --%s: `sheen help %s` lists them", name, cmd)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return usagef("--%s needs a value: `sheen help %s` says which", name, cmd)
	}
	if rest, ok := strings.CutPrefix(text, "invalid value "); ok {
		value, rest, _ := strings.Cut(rest, " for flag -")
		name, _, _ := strings.Cut(rest, ":")
		return usagef("--%s cannot be %s: `sheen help %s` says what it takes", name, value, cmd)
	}
	if rest, ok := strings.CutPrefix(text, "invalid boolean value "); ok {
		value, rest, _ := strings.Cut(rest, " for -")
		name, _, _ := strings.Cut(rest, ":")
		return usagef("--%s cannot be %s: it stands alone", name, value)
	}
	return usagef("%s: `sheen help %s` lists the flags", text, cmd)
}
