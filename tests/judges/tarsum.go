// Prints the TarSum, version 1, of each tar that is named, as Docker's own code computes it.
//
//	tarsum TAR...
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/docker/docker/pkg/tarsum"
)

func sum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	reader, err := tarsum.NewTarSum(file, true, tarsum.Version1)
	if err != nil {
		return "", err
	}
	// The sum is that of what passes through.
	if _, err := io.Copy(io.Discard, reader); err != nil {
		return "", err
	}
	return reader.Sum(nil), nil
}

func main() {
	log.SetFlags(0)
	for _, path := range os.Args[1:] {
		sum, err := sum(path)
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		fmt.Println(sum)
	}
}
