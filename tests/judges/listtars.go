// Lists tars as Go's archive/tar reads them, which Docker, containerd and podman are built on.
//
//	listtars < TARS > LISTS
//
// list_tars.py says what these are.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"os"
	"strings"
)

var types = map[byte]string{
	tar.TypeReg: "-", tar.TypeRegA: "-", tar.TypeCont: "-", tar.TypeLink: "h", tar.TypeSymlink: "l",
	tar.TypeGNUSparse: "-", tar.TypeChar: "c", tar.TypeBlock: "b", tar.TypeDir: "d", tar.TypeFifo: "p",
}

// No content above this is read, in bytes.
const maxContent = 1 << 20

func list(out io.Writer, content []byte) {
	reader := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Fprintf(out, "!%s\n", strings.ReplaceAll(err.Error(), "\n", " "))
			break
		}
		// Go hands out the header of a global comment as if it were a member.
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		kind, known := types[header.Typeflag]
		if !known {
			kind = "?"
		}
		sum := crc32.NewIEEE()
		if kind == "-" && header.Size <= maxContent {
			if _, err := io.Copy(sum, reader); err != nil {
				fmt.Fprintf(out, "!%s\n", strings.ReplaceAll(err.Error(), "\n", " "))
				break
			}
		}
		fmt.Fprintf(out, "%s %d %o %d %d %x %x %d\n", kind, header.Size, header.Mode&0o7777,
			header.Uid, header.Gid, header.Name, header.Linkname, sum.Sum32())
	}
	fmt.Fprintln(out, ".")
}

func main() {
	log.SetFlags(0)
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var length uint64
		err := binary.Read(in, binary.LittleEndian, &length)
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		content := make([]byte, length)
		if _, err := io.ReadFull(in, content); err != nil {
			log.Fatal(err)
		}
		list(out, content)
	}
}
