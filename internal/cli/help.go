package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// newHelp returns the help command. Cobra's own answers an unknown command with exit code 0.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "print the help of a command",
		Long:    "Print the help of a command. The flag --help of any command prints the same.",
		Example: "  triport-console help referral replay",
		Args:    cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			of := cmd.Root()
			for _, name := range args {
				next := childNamed(of, name)
				if next == nil {
					return unknownCommand(of, name)
				}
				of = next
			}
			return of.Help()
		},
	}
}

func childNamed(parent *cobra.Command, name string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// completeCommand names the commands that may follow those typed already.
func completeCommand(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	of := cmd.Root()
	for _, name := range args {
		if of = childNamed(of, name); of == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var names []cobra.Completion
	for _, c := range of.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

var shells = []string{"bash", "zsh", "fish", "powershell"}

type completionOptions struct {
	shell string
	root  *cobra.Command
}

func newCompletion(a *app) *cobra.Command {
	cmd := leaf(a, "completion bash|zsh|fish|powershell", "print a script that completes command lines",
		`Print a script that teaches a shell to complete the program's command lines.

bash (needs the package bash-completion):
  source <(triport-console completion bash)
zsh:
  triport-console completion zsh > "${fpath[1]}/_triport-console"
fish:
  triport-console completion fish | source
PowerShell:
  triport-console completion powershell | Out-String | Invoke-Expression`,
		"  source <(triport-console completion bash)",
		func(cmd *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "the shell (bash, zsh, fish or powershell)"); err != nil {
				return nil, err
			}
			for _, shell := range shells {
				if shell == args[0] {
					return completionOptions{shell, cmd.Root()}, nil
				}
			}
			return nil, usagef("there is no completion for %q, only for bash, zsh, fish and powershell", args[0])
		})
	cmd.ValidArgsFunction = cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp)
	return cmd
}

func (opt completionOptions) run(_ context.Context, a *app) error {
	var err error
	switch opt.shell {
	case "bash":
		err = opt.root.GenBashCompletionV2(a.out, true)
	case "zsh":
		err = opt.root.GenZshCompletion(a.out)
	case "fish":
		err = opt.root.GenFishCompletion(a.out, true)
	case "powershell":
		err = opt.root.GenPowerShellCompletionWithDesc(a.out)
	}
	if err != nil {
		return fmt.Errorf("print the completion script: %w", err)
	}
	return a.written()
}
