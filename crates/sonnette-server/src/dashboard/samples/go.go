// A receiver of webhooks; the standard library is enough.
//
//	go run go.go
//
// SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var key []byte

// Lost when the process ends: in production, use a table with a unique column, and write to it in the
// transaction that does the work.
var seen = map[string]bool{}
var oneAtATime sync.Mutex

func work(body []byte) error {
	// The sender waits for the answer. What takes more than a few seconds: store it here, and do it later.
	var notification map[string]any
	if err := json.Unmarshal(body, &notification); err != nil {
		return err
	}
	for _, name := range []string{"action", "type", "event"} {
		if value, ok := notification[name]; ok {
			fmt.Println("received", value)
			break
		}
	}
	return nil
}

func verified(header http.Header, body []byte) bool {
	timestamp := header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	now := time.Now().Unix()
	if err != nil || seconds < now-300 || seconds > now+300 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("webhook-id"), timestamp, body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// After a change of the secret there are two signatures for a day. Either will do.
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(signature), []byte(expected)) {
			return true
		}
	}
	return false
}

func receive(response http.ResponseWriter, request *http.Request) {
	// The bytes as they came: JSON that was parsed and written again has another signature.
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, 1_000_000))
	if err != nil {
		response.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if !verified(request.Header, body) {
		response.WriteHeader(http.StatusUnauthorized)
		return
	}
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	// Whatever is sent again comes with the same webhook-id.
	if id := request.Header.Get("webhook-id"); !seen[id] {
		if err := work(body); err != nil {
			response.WriteHeader(http.StatusInternalServerError)
			return
		}
		seen[id] = true
	}
}

func main() {
	var err error
	key, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("SONNETTE_SECRET"), "whsec_"))
	if err != nil || len(key) == 0 {
		log.Fatal("SONNETTE_SECRET is not set")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	server := http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(receive), ReadTimeout: 30 * time.Second}
	log.Fatal(server.ListenAndServe())
}
