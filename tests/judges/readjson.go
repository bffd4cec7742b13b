// Reads image documents, one on each line, as engines do, and prints what they say of them: a line of JSON
// for each, or `error`.
//
//	readjson config|manifest|docker < DOCUMENTS
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

// The types are those of the image specification's Go package and of Docker, without what is not read.

type config struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant"`
	Config       struct {
		Env []string
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type docker []struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func main() {
	log.SetFlags(0)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var document any
		switch os.Args[1] {
		case "config":
			document = &config{}
		case "manifest":
			document = &manifest{}
		case "docker":
			document = &docker{}
		}
		if json.Unmarshal(lines.Bytes(), document) != nil {
			fmt.Println("error")
			continue
		}
		text, err := json.Marshal(document)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(text))
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
