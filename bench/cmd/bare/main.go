// Command bare sends the product's headers and body without any work: the limit of the HTTP library.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/gofiber/fiber/v2"

	"github.com/triport/triport-console/bench/internal/serve"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	body := flag.String("body", `{"attributed":true}`, "`body` of the answer")
	flag.Parse()
	if err := run(*listen, *body); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(listen, body string) error {
	app := serve.NewApp()
	app.Post(serve.Path, func(c *fiber.Ctx) error { return serve.Answer(c, serve.RequestID(), body) })
	ln, err := serve.Listen(listen, os.Stdout)
	if err != nil {
		return err
	}
	return serve.Run(app, ln)
}
