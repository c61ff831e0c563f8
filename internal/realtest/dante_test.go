//go:build linux

package realtest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// socksify prepares a program that Dante's client library sends through proxy,
// with all that it does on the network: no route goes round the proxy.
func socksify(t *testing.T, proxy, path string, args ...string) *exec.Cmd {
	t.Helper()
	host, port := splitHostPort(t, proxy)
	config := writeFile(t, filepath.Join(t.TempDir(), "socks.conf"), fmt.Sprintf(`
route {
	from: 0.0.0.0/0 to: 0.0.0.0/0 via: %s port = %s
	protocol: tcp udp
	proxyprotocol: socks_v5
	command: connect bind bindreply udpassociate udpreply
	method: none
}`, host, port))
	cmd := command(program(t, "socksify", "dante-client"), append([]string{path}, args...)...)
	cmd.Env = environment("SOCKS_CONF="+config, "SOCKS_AUTOADD_LANROUTES=no", "SOCKS_DIRECTROUTE_FALLBACK=no")
	return cmd
}

// ftpServer is an anonymous vsftpd that knows active mode only: it connects
// to the client, on the address that the client names and, as the setting
// port_promiscuous is off, on no other host than the client's own.
type ftpServer struct {
	port string
	root string // what it serves; uploads go to root/upload
	log  string // the FTP commands that it got
}

func newFTPServer(t *testing.T) ftpServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newFTPServerAt(t, l)
}

// newFTPServerAt starts one on a listener, which is closed with the test. The
// words of within come before its command line.
func newFTPServerAt(t *testing.T, l net.Listener, within ...string) ftpServer {
	t.Helper()
	vsftpd := program(t, "vsftpd", "vsftpd")
	if os.Getuid() != 0 {
		lacking(t, "vsftpd has to be started by root")
	}
	dir := t.TempDir()
	s := ftpServer{root: filepath.Join(dir, "root"), log: filepath.Join(dir, "log")}
	upload, empty := filepath.Join(s.root, "upload"), filepath.Join(dir, "empty")
	for _, d := range []string{s.root, upload, empty} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(upload, 0o777); err != nil {
		t.Fatal(err)
	}
	config := writeFile(t, filepath.Join(dir, "vsftpd.conf"), fmt.Sprintf(`listen=NO
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
pasv_enable=NO
connect_from_port_20=NO
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file=%s
anon_root=%s
secure_chroot_dir=%s
`, s.log, s.root, empty))
	line := append(within, vsftpd, config)
	inetdAt(t, l, line[0], line[1:]...)
	_, s.port = splitHostPort(t, l.Addr().String())
	return s
}

// dataPort finds PORT and EPRT in vsftpd's log.
var dataPort = regexp.MustCompile(`FTP command: Client [^,]*, "(?:EPRT \|1\|127\.0\.0\.1\|(\d+)\||PORT 127,0,0,1,(\d+),(\d+))"`)

// bindPorts is where the servers of these tests put their BIND listeners: out
// of the range from which Linux takes ports of its own accord.
const firstBindPort, lastBindPort = 20000, 20999

// checkDataPorts reads from the log of the FTP server whereto it had to connect
// n times: to BIND listeners, and not to sockets of the FTP client itself.
func (s ftpServer) checkDataPorts(t *testing.T, n int) {
	t.Helper()
	log, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	asked := dataPort.FindAllStringSubmatch(string(log), -1)
	if len(asked) != n {
		t.Errorf("active transfers: got %d, want %d\n%s", len(asked), n, log)
	}
	for _, m := range asked {
		port := number(m[1]) + 256*number(m[2]) + number(m[3])
		if port < firstBindPort || port > lastBindPort {
			t.Errorf("%s: port %d is not one of a BIND listener", m[0], port)
		}
	}
}

// number reads the digits of a match; a group without match counts 0.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// activeFTP makes one download and one upload through each way. The arguments
// of the client name the file here and the URL there.
func activeFTP(t *testing.T, get, put func(proxy, local, url string) *exec.Cmd) {
	const size = 4 << 20
	ports := fmt.Sprintf("%d-%d", firstBindPort, lastBindPort)
	eachWay(t, func(t *testing.T, proxy string) {
		ftp := newFTPServer(t)
		url, dir := "ftp://127.0.0.1:"+ftp.port, t.TempDir()
		here, there := filepath.Join(dir, "got"), filepath.Join(ftp.root, "file")
		writeStream(t, there, size)
		if err := os.Chmod(there, 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, get(proxy, here, url+"/file"))
		checkFile(t, here, streamChecksum(size))

		source := filepath.Join(dir, "source")
		writeStream(t, source, size+1)
		mustRun(t, put(proxy, source, url+"/upload/file"))
		checkFile(t, filepath.Join(ftp.root, "upload", "file"), streamChecksum(size+1))
		ftp.checkDataPorts(t, 2)
	}, "--port-range", ports)
}

func TestSocksifyTnftpActiveBINDMutualTLS(t *testing.T) {
	tnftp := program(t, "tnftp", "tnftp")
	activeFTP(t,
		func(proxy, local, url string) *exec.Cmd { return socksify(t, proxy, tnftp, "-A", "-o", local, url) },
		func(proxy, local, url string) *exec.Cmd { return socksify(t, proxy, tnftp, "-A", "-u", url, local) })
}

func TestSocksifyCurlActiveBINDMutualTLS(t *testing.T) {
	path := program(t, "curl", "curl")
	activeFTP(t,
		func(proxy, local, url string) *exec.Cmd {
			return socksify(t, proxy, path, "-q", "-sS", "--ftp-port", "-", "-o", local, url)
		},
		func(proxy, local, url string) *exec.Cmd {
			return socksify(t, proxy, path, "-q", "-sS", "--ftp-port", "-", "-T", local, url)
		})
}
