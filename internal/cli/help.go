package cli

import (
	"github.com/spf13/cobra"
)

// addHelp adds Cobra's help command, which exits 0 for an unknown command unless this is corrected.
func addHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Short, help.Long = "print the help of a command", "Print the help of a command, as its flag --help does."
	help.Example = "  triport-console help referral replay"
	help.Run, help.RunE = nil, func(cmd *cobra.Command, args []string) error {
		of, rest, err := cmd.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(of, rest[0])
		}
		return of.Help()
	}
}

// addCompletion adds Cobra's completion command, which exits 0 without an argument unless this is corrected.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, _ := root.Find([]string{"completion"})
	completion.Short, completion.Example = "print a shell completion script", "  source <(triport-console completion bash)"
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("the shell is missing: bash, zsh, fish or powershell")
		}
		return usagef("there is no completion for %q, only for bash, zsh, fish and powershell", args[0])
	}
	for _, shell := range completion.Commands() {
		shell.Example = "  triport-console completion " + shell.Name()
	}
}
