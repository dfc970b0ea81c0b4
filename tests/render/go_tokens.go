// SPDX-License-Identifier: BSD-2-Clause

// Prints the strings and comments of the Go file on standard input as a JSON list of [kind, text].
package main

import (
	"encoding/json"
	"go/scanner"
	"go/token"
	"io"
	"log"
	"os"
	"strconv"
)

func main() {
	source, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var tokens scanner.Scanner
	file := token.NewFileSet().AddFile("stdin", -1, len(source))
	tokens.Init(file, source, func(at token.Position, message string) { log.Fatal(at, " ", message) }, scanner.ScanComments)
	found := [][2]string{}
	for {
		_, kind, text := tokens.Scan()
		switch kind {
		case token.EOF:
			if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
				log.Fatal(err)
			}
			return
		case token.STRING:
			text, _ = strconv.Unquote(text)
			found = append(found, [2]string{"string", text})
		case token.COMMENT:
			found = append(found, [2]string{"comment", text})
		}
	}
}
