// A member of hashicorp/memberlist, the library that MetalLB's speakers use: the peer of the gossip tests.
// What it sees goes out as lines of JSON; lines on its input are commands: members, leave, suspect.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var lock sync.Mutex

func say(fields map[string]any) {
	lock.Lock()
	defer lock.Unlock()
	line, _ := json.Marshal(fields)
	fmt.Println(string(line))
}

type events struct{}

func (events) NotifyJoin(n *memberlist.Node)   { say(map[string]any{"event": "join", "name": n.Name, "meta": hex.EncodeToString(n.Meta)}) }
func (events) NotifyLeave(n *memberlist.Node)  { say(map[string]any{"event": "leave", "name": n.Name}) }
func (events) NotifyUpdate(n *memberlist.Node) { say(map[string]any{"event": "update", "name": n.Name}) }

func main() {
	name := flag.String("name", "", "")
	bind := flag.String("bind", "127.0.0.1", "")
	port := flag.Int("port", 7946, "")
	key := flag.String("key", "", "in hexadecimal; empty: clear text")
	join := flag.String("join", "", "addresses, separated by commas")
	plain := flag.Bool("uncompressed", false, "")
	fast := flag.Bool("fast", false, "probe five times as often")
	noTCP := flag.Bool("no-tcp-ping", false, "")
	flag.Parse()
	config := memberlist.DefaultLANConfig()
	config.Name, config.BindAddr, config.BindPort, config.AdvertisePort = *name, *bind, *port, *port
	config.Events = events{}
	config.EnableCompression = !*plain
	config.DisableTcpPings = *noTCP
	config.Logger = log.New(io.Discard, "", 0)
	if os.Getenv("VERBOSE") != "" {
		config.Logger = log.New(os.Stderr, "", log.Lmicroseconds)
	}
	if *fast {
		config.ProbeInterval, config.ProbeTimeout = 200*time.Millisecond, 100*time.Millisecond
		config.GossipInterval = 50 * time.Millisecond
	}
	if *key != "" {
		secret, err := hex.DecodeString(*key)
		if err != nil {
			panic(err)
		}
		config.SecretKey = secret
	}
	list, err := memberlist.Create(config)
	if err != nil {
		say(map[string]any{"error": err.Error()})
		os.Exit(1)
	}
	say(map[string]any{"ready": true})
	if *join != "" {
		count, err := list.Join(strings.Split(*join, ","))
		text := ""
		if err != nil {
			text = err.Error()
		}
		say(map[string]any{"joined": count, "problem": text})
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		switch strings.TrimSpace(input.Text()) {
		case "members":
			names := []string{}
			for _, node := range list.Members() {
				names = append(names, node.Name)
			}
			say(map[string]any{"members": names, "health": list.GetHealthScore()})
		case "leave":
			if err := list.Leave(time.Second); err != nil {
				say(map[string]any{"error": err.Error()})
			}
			_ = list.Shutdown()
			say(map[string]any{"gone": true})
			return
		}
	}
	_ = list.Shutdown()
}
