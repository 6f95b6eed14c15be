package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

type configShowOptions struct{}

func newConfigShow(a *app) *cobra.Command {
	return leaf(a, "show", "print the configuration in force and where each value came from",
		`Print every key of the configuration with its value and where that came from.
Flags override the environment (TRIPORT_ and the key in capitals, with _ for the
dot), which overrides the file, which overrides the defaults.

The file is the one that --config names, or else the first there is of
./triport-console.yaml, $XDG_CONFIG_HOME/triport-console/config.yaml and
/etc/triport-console/config.yaml.`,
		`  triport-console config show
  TRIPORT_LOG_LEVEL=debug triport-console config show -o json`,
		func(_ *cobra.Command, args []string) (action, error) {
			return configShowOptions{}, exactly(args)
		})
}

func (configShowOptions) run(_ context.Context, a *app) error {
	_, origins, err := a.configurationAndOrigins()
	if err != nil {
		return err
	}
	byKey := make(map[string]origin, len(origins))
	rows := make([][]string, len(origins))
	for i, o := range origins {
		byKey[o.Key] = o
		rows[i] = []string{o.Key, showValue(o.Value), a.styles.faint.Render(escapeText(o.Source))}
	}
	return a.result(byKey, func() { a.table("", rows) })
}

func showValue(v any) string {
	switch v := v.(type) {
	case []string:
		return escapeText("[" + strings.Join(v, ", ") + "]")
	case string:
		if v != "" {
			return escapeText(v)
		}
	}
	return `""`
}
