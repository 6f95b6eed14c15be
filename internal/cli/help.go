package cli

import "github.com/spf13/cobra"

// newHelp returns the help command. Cobra's own exits 0 for an unknown command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:               "help [command]",
		Short:             "print the help of a command",
		Long:              "Print the help of a command, as its flag --help does.",
		Example:           "  triport-console help referral replay",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			of := cmd.Root()
			for _, name := range args {
				next := child(of, name)
				if next == nil {
					return unknownCommand(of, name)
				}
				of = next
			}
			return of.Help()
		},
	}
}

// completeCommand completes the names of the commands that can follow args.
func completeCommand(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	of := cmd.Root()
	for _, name := range args {
		if of = child(of, name); of == nil {
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
