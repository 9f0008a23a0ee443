// Git servers for the tests: git's own HTTP backend with a password, plain and with TLS by a CA of
// its own, and an SSH server. The argument is the folder of repositories. Prints one line of JSON
// about itself, and ends when its standard input does.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	user     = "pat"
	password = "s3cret-word"
)

type about struct {
	HTTP       string `json:"http"`
	HTTPS      string `json:"https"`
	SSH        string `json:"ssh"`
	CA         string `json:"ca"`
	User       string `json:"user"`
	Password   string `json:"password"`
	KnownHosts string `json:"knownHosts"`
	WrongHosts string `json:"wrongHosts"`
	Identity   string `json:"identity"`
	Stranger   string `json:"stranger"`
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// short lets a few bytes of an answer's body through, and then breaks the connection off, or waits.
type short struct {
	http.ResponseWriter
	left  int
	stall <-chan struct{}
}

func (to *short) Write(bytes []byte) (int, error) {
	if len(bytes) <= to.left {
		to.left -= len(bytes)
		return to.ResponseWriter.Write(bytes)
	}
	to.ResponseWriter.Write(bytes[:to.left])
	to.left = 0
	if to.stall != nil {
		http.NewResponseController(to.ResponseWriter).Flush()
		<-to.stall
	}
	panic(http.ErrAbortHandler)
}

// body is what of an answer's body a broken server sends: all of the refs, a part of the pack.
const body = 40_000

// handler asks for a password, hangs, redirects, breaks off or talks nonsense below some paths, and
// is git's backend else.
func handler(folder string) http.Handler {
	program := strings.TrimSpace(string(must(exec.Command("git", "--exec-path").Output()))) + "/git-http-backend"
	backend := &cgi.Handler{
		Path: program,
		Env:  []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"},
	}
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		switch {
		case strings.HasPrefix(request.URL.Path, "/hanging"):
			<-request.Context().Done()
		case strings.HasPrefix(request.URL.Path, "/garbage"):
			response.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			fmt.Fprint(response, "this is not Git")
		case strings.HasPrefix(request.URL.Path, "/elsewhere"):
			host := strings.Replace(request.Host, "127.0.0.1", "localhost", 1)
			http.Redirect(response, request, "http://"+host+"/shop.git"+rest(request, "/elsewhere"), http.StatusFound)
		case strings.HasPrefix(request.URL.Path, "/renamed"):
			http.Redirect(response, request, "/shop.git"+rest(request, "/renamed"), http.StatusMovedPermanently)
		case strings.HasPrefix(request.URL.Path, "/cut/"):
			request.URL.Path = strings.TrimPrefix(request.URL.Path, "/cut")
			backend.ServeHTTP(&short{ResponseWriter: response, left: body}, request)
		case strings.HasPrefix(request.URL.Path, "/stalling/"):
			request.URL.Path = strings.TrimPrefix(request.URL.Path, "/stalling")
			backend.ServeHTTP(&short{ResponseWriter: response, left: body, stall: request.Context().Done()}, request)
		default:
			name, word, _ := request.BasicAuth()
			if name != user || word != password {
				response.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				http.Error(response, "no", http.StatusUnauthorized)
				return
			}
			backend.ServeHTTP(response, request)
		}
	})
}

// rest is what of the path and query follows a prefix.
func rest(request *http.Request, prefix string) string {
	return strings.TrimPrefix(request.URL.RequestURI(), prefix)
}

func certificate(template, parent *x509.Certificate, key *ecdsa.PrivateKey, by *ecdsa.PrivateKey) []byte {
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(time.Hour)
	return must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by))
}

func tlsConfig() (*tls.Config, string) {
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "a private CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	caBytes := certificate(ca, ca, caKey, caKey)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	leaf := &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafBytes := certificate(leaf, must(x509.ParseCertificate(caBytes)), key, caKey)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafBytes}, PrivateKey: key}}}
	return config, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caBytes}))
}

func identity() (ssh.Signer, string) {
	_, key := must2(ed25519.GenerateKey(rand.Reader))
	block := must(ssh.MarshalPrivateKey(key, ""))
	return must(ssh.NewSignerFromKey(key)), string(pem.EncodeToMemory(block))
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		log.Fatal(err)
	}
	return a, b
}

func serveSSH(listener net.Listener, config *ssh.ServerConfig, folder string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			server, channels, requests, err := ssh.NewServerConn(connection, config)
			if err != nil {
				return
			}
			defer server.Close()
			go ssh.DiscardRequests(requests)
			for offered := range channels {
				channel, requests, err := offered.Accept()
				if err != nil {
					return
				}
				go session(channel, requests, folder)
			}
		}()
	}
}

// session runs git-upload-pack, and nothing else.
func session(channel ssh.Channel, requests <-chan *ssh.Request, folder string) {
	for request := range requests {
		if request.Type != "exec" {
			request.Reply(false, nil)
			continue
		}
		var asked struct{ Command string }
		err := ssh.Unmarshal(request.Payload, &asked)
		path, fits := strings.CutPrefix(asked.Command, "git-upload-pack '/")
		request.Reply(err == nil && fits, nil)
		command := exec.Command("git", "upload-pack", folder+"/"+strings.TrimSuffix(path, "'"))
		command.Stdin, command.Stdout = channel, channel
		status := uint32(0)
		if command.Run() != nil {
			status = 1
		}
		channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		channel.Close()
	}
}

func main() {
	folder := os.Args[1]
	plain := must(net.Listen("tcp", "127.0.0.1:0"))
	secure := must(net.Listen("tcp", "127.0.0.1:0"))
	shell := must(net.Listen("tcp", "127.0.0.1:0"))
	config, ca := tlsConfig()
	go http.Serve(plain, handler(folder))
	go http.Serve(tls.NewListener(secure, config), handler(folder))

	host, _ := identity()
	other, _ := identity()
	client, clientKey := identity()
	_, stranger := identity()
	server := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) == string(client.PublicKey().Marshal()) {
				return nil, nil
			}
			return nil, fmt.Errorf("a stranger")
		},
	}
	server.AddHostKey(host)
	go serveSSH(shell, server, folder)

	port := func(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }
	hosts := func(key ssh.PublicKey) string {
		return fmt.Sprintf("[127.0.0.1]:%d %s", port(shell), ssh.MarshalAuthorizedKey(key))
	}
	json.NewEncoder(os.Stdout).Encode(about{
		HTTP:  fmt.Sprintf("http://127.0.0.1:%d", port(plain)),
		HTTPS: fmt.Sprintf("https://localhost:%d", port(secure)),
		SSH:   fmt.Sprint(port(shell)), CA: ca, User: user, Password: password,
		KnownHosts: hosts(host.PublicKey()), WrongHosts: hosts(other.PublicKey()),
		Identity: clientKey, Stranger: stranger,
	})
	io.Copy(io.Discard, bufio.NewReader(os.Stdin))
}
