package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/config"
)

type configShowOptions struct{}

func newConfigShow(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "print the effective configuration and the source of each value",
		Long: `Print every key of the configuration with its value and the source of the value.
Flags override the environment (TRIPORT_ and the key in capitals, with _ for the
dot), which overrides the file, which overrides the defaults.

The file is the one that --config names, or else the first of these that exists:
./triport-console.yaml, $XDG_CONFIG_HOME/triport-console/config.yaml,
/etc/triport-console/config.yaml.`,
		Example: `  triport-console config show
  TRIPORT_LOG_LEVEL=debug triport-console config show -o json`,
		RunE: e.action(func([]string) command { return configShowOptions{} }),
	}
}

func (configShowOptions) run(_ context.Context, e *env) error {
	settings, err := e.loadConfig()
	if err != nil {
		return err
	}
	byKey := make(map[string]config.Setting, len(settings))
	for _, s := range settings {
		byKey[s.Key] = s
	}
	return e.result(byKey, func() {
		e.table("", convert(settings, func(s config.Setting) []any {
			return []any{s.Key, formatValue(s.Value), styled(e.styles.faint, s.Source)}
		}))
	})
}

func formatValue(v any) string {
	if list, ok := v.([]string); ok {
		return "[" + strings.Join(list, ", ") + "]"
	}
	return cmp.Or(v.(string), `""`)
}
