// Tells what the tools of the field (kubectl wait, Flux, Argo CD, Helm) read from an object's status.
//
// Standard input: one object a line, as JSON; an empty line or `null` for one that is not there.
// Standard output: for each line `{"status": …, "message": …}`, in the same order.
//
// Never: a reading of our own; the library decides.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type answer struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			answered, err := read(bytes.TrimSpace(line))
			if err != nil {
				return err
			}
			if err := answers.Encode(answered); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func read(line []byte) (answer, error) {
	if len(line) == 0 || bytes.Equal(line, []byte("null")) {
		return answer{status.NotFoundStatus, "Resource not found"}, nil
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(line); err != nil {
		return answer{}, err
	}
	result, err := status.Compute(object)
	if err != nil {
		return answer{status.UnknownStatus, err.Error()}, nil
	}
	return answer{result.Status, result.Message}, nil
}
