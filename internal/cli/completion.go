package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

type completionOptions struct {
	shell string
	root  *cobra.Command
}

func newCompletion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a shell completion script",
		Long: `Print a script with which a shell completes the command lines of this program.

bash (needs the package bash-completion):
  source <(triport-console completion bash)
zsh:
  triport-console completion zsh > "${fpath[1]}/_triport-console"
fish:
  triport-console completion fish | source
PowerShell:
  triport-console completion powershell | Out-String | Invoke-Expression`,
		Example:           "  source <(triport-console completion bash)",
		Args:              arguments("the shell (bash, zsh, fish or powershell)"),
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(shells, args[0]) {
				return usagef("there is no completion for %q, only for bash, zsh, fish and powershell", args[0])
			}
			return e.do(cmd.Context(), completionOptions{args[0], cmd.Root()})
		},
	}
}

func (opt completionOptions) run(_ context.Context, e *env) error {
	generate := map[string]func(io.Writer) error{
		"bash":       func(w io.Writer) error { return opt.root.GenBashCompletionV2(w, true) },
		"zsh":        opt.root.GenZshCompletion,
		"fish":       func(w io.Writer) error { return opt.root.GenFishCompletion(w, true) },
		"powershell": opt.root.GenPowerShellCompletionWithDesc,
	}
	if err := generate[opt.shell](e.out); err != nil {
		return fmt.Errorf("print the completion script: %w", err)
	}
	return e.outputErr()
}
