// Command triport-console links signed-in users to the users who referred them.
package main

import (
	"os"

	"github.com/triport/triport-console/internal/cli"
)

func main() { os.Exit(cli.Main()) }
