// tlog-peer: standard Go clients of transparency logs, beside which ours are held by tests and benchmarks.
//
//	tlog-peer fsck URL VKEY                     the whole log, by Tessera's own check; exit 1 when it does not hold
//	tlog-peer cosigned NOTE LOG_VKEY VKEY...    a checkpoint with the cosignatures of all these witnesses
//	tlog-peer append DIR CLIENTS SECONDS        durable appends to a Tessera POSIX log: prints entries per second
//	tlog-peer key FILE                          a new log key into FILE; prints its vkey
//	tlog-peer witnessed DIR KEY POLICY COUNT    a Tessera log that asks the policy's witnesses; prints its last
//	                                            checkpoint
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func leafHashes(bundle []byte) ([][]byte, error) {
	var read api.EntryBundle
	if err := read.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, entry := range read.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return out, nil
}

func check(address, vkey string) error {
	verifier, err := fnote.NewVerifier(vkey)
	if err != nil {
		return err
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	var from fsck.Fetcher = &client.FileFetcher{Root: at.Path}
	if at.Scheme != "file" {
		if from, err = client.NewHTTPFetcher(at, nil); err != nil {
			return err
		}
	}
	return fsck.New(verifier.Name(), verifier, from, leafHashes, fsck.Opts{N: 2}).Check(context.Background())
}

func cosigned(file, logVkey string, vkeys []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	signer, err := fnote.NewVerifier(logVkey)
	if err != nil {
		return err
	}
	for _, vkey := range vkeys {
		witness, err := fnote.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return err
		}
		opened, err := note.Open(text, note.VerifierList(signer, witness))
		if err != nil {
			return err
		}
		if len(opened.Sigs) != 2 {
			return fmt.Errorf("%d signatures verify, not the log's and %s", len(opened.Sigs), witness.Name())
		}
	}
	return nil
}

// A log of its own in a folder.
type log struct {
	appender *tessera.Appender
	reader   tessera.LogReader
	shutdown func(context.Context) error
}

func newLog(dir, skey string, options *tessera.AppendOptions) (*log, error) {
	ctx := context.Background()
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options.WithCheckpointSigner(signer))
	if err != nil {
		return nil, err
	}
	return &log{appender, reader, shutdown}, nil
}

// The same entries as ours: canonical JSON that names an envelope.
func entry(number uint64) []byte {
	digest := sha256.Sum256([]byte(strconv.FormatUint(number, 10)))
	return fmt.Appendf(nil, `{"envelope":"%x","predicateType":"https://sallyport.dev/gate/v1"}`, digest)
}

func appendFor(dir string, clients int, length time.Duration) error {
	// A batch goes as soon as every client waits, and no later than a commit of a disk takes.
	options := tessera.NewAppendOptions().
		WithBatching(uint(clients), 5*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond)
	skey, _, err := note.GenerateKey(rand.Reader, "peer.example/log")
	if err != nil {
		return err
	}
	to, err := newLog(dir, skey, options)
	if err != nil {
		return err
	}
	var next, done atomic.Uint64
	var failed atomic.Value
	var all sync.WaitGroup
	start := time.Now()
	for range clients {
		all.Go(func() {
			for time.Since(start) < length {
				if _, err := to.appender.Add(context.Background(), tessera.NewEntry(entry(next.Add(1))))(); err != nil {
					failed.Store(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	seconds := time.Since(start).Seconds()
	if err, bad := failed.Load().(error); bad {
		return err
	}
	fmt.Printf("%.1f\n", float64(done.Load())/seconds)
	return to.shutdown(context.Background())
}

func newKey(file string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, "peer.example/log")
	if err != nil {
		return err
	}
	fmt.Println(vkey)
	return os.WriteFile(file, []byte(skey), 0o600)
}

func witnessed(dir, keyFile, policyFile string, count int) error {
	skey, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	policy, err := os.ReadFile(policyFile)
	if err != nil {
		return err
	}
	witnesses, err := tessera.NewWitnessGroupFromPolicy(policy)
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithBatching(1, time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{Timeout: 10 * time.Second})
	to, err := newLog(dir, string(skey), options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	await := tessera.NewPublicationAwaiter(ctx, to.reader.ReadCheckpoint, 50*time.Millisecond)
	for i := range count {
		if _, _, err := await.Await(ctx, to.appender.Add(ctx, tessera.NewEntry(entry(uint64(i))))); err != nil {
			return err
		}
	}
	checkpoint, err := to.reader.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(checkpoint); err != nil {
		return err
	}
	return to.shutdown(ctx)
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "fsck":
		return check(words[1], words[2])
	case len(words) >= 4 && words[0] == "cosigned":
		return cosigned(words[1], words[2], words[3:])
	case len(words) == 2 && words[0] == "key":
		return newKey(words[1])
	case len(words) == 5 && words[0] == "witnessed":
		count, err := strconv.Atoi(words[4])
		if err != nil {
			return err
		}
		return witnessed(words[1], words[2], words[3], count)
	case len(words) == 4 && words[0] == "append":
		clients, err := strconv.Atoi(words[2])
		if err != nil {
			return err
		}
		seconds, err := strconv.ParseFloat(words[3], 64)
		if err != nil {
			return err
		}
		return appendFor(words[1], clients, time.Duration(seconds*float64(time.Second)))
	}
	fmt.Fprintln(os.Stderr, "usage: tlog-peer fsck|cosigned|append|key|witnessed ...")
	os.Exit(64)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlog-peer:", err)
		os.Exit(1)
	}
}
