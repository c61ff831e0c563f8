package subject

import (
	"fmt"
	"net"
)

// Microsocks is Debian's microsocks.
func Microsocks() Subject {
	return Subject{Name: "microsocks", start: func(e *Env, r *Running, _ string, o Options) error {
		program, err := look("microsocks")
		if err != nil {
			return err
		}
		args := r.listen(e)
		if o.Login {
			r.Way.User, r.Way.Password = login, secret
			args = append(args, "-u", login, "-P", secret)
		}
		return r.start(r.Way.Proxy, program, args...)
	}}
}

// listen gives r an address, and returns it as microsocks wants it.
func (r *Running) listen(e *Env) []string {
	r.Way.Proxy = e.address()
	host, port, _ := net.SplitHostPort(r.Way.Proxy) // it is one
	return []string{"-i", host, "-p", port}
}

// danteConfig lets everyone go anywhere, without a line about it.
const danteConfig = `errorlog: stderr
internal: %s port = %s
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`

// Dante is Debian's danted.
func Dante() Subject {
	return Subject{Name: "Dante", start: func(e *Env, r *Running, _ string, _ Options) error {
		program, err := look("danted", "/usr/sbin/danted")
		if err != nil {
			return err
		}
		at := r.listen(e)
		config, err := e.file("danted.conf", fmt.Sprintf(danteConfig, at[1], at[3]))
		if err != nil {
			return err
		}
		return r.start(r.Way.Proxy, program, "-f", config, "-p", config+".pid")
	}}
}

// stunnelConfig is a TLS server in front of one target.
const stunnelConfig = `foreground = yes
pid =
debug = err
[bench]
accept = %s
connect = %s
cert = %s
key = %s
%s`

// Stunnel is Debian's stunnel4, which knows its target: what is measured is its
// own part, without the SOCKS server that would stand behind it.
func Stunnel() Subject {
	return Subject{Name: "stunnel, own part", start: func(e *Env, r *Running, target string, o Options) error {
		program, err := look("stunnel4", "/usr/bin/stunnel4")
		if err != nil {
			return err
		}
		r.Way.Proxy, r.Way.Bare, r.Way.TLS = e.address(), true, e.app(o)
		mutual := ""
		if o.Mutual {
			mutual = "CAfile = " + e.ca + "\nverifyChain = yes\n"
		}
		config, err := e.file("stunnel.conf", fmt.Sprintf(stunnelConfig, r.Way.Proxy, target, e.serverCert, e.serverKey, mutual))
		if err != nil {
			return err
		}
		return r.start(r.Way.Proxy, program, config)
	}}
}

// ThingsGo is a server of things-go/go-socks5.
func ThingsGo() Subject {
	return Subject{Name: "things-go/go-socks5", start: func(e *Env, r *Running, _ string, _ Options) error {
		if e.ThingsGo == "" {
			return ErrMissing
		}
		r.Way.Proxy = e.address()
		return r.start(r.Way.Proxy, e.ThingsGo, r.Way.Proxy)
	}}
}

// singConfig is a SOCKS server that goes where it is asked to.
const singConfig = `{
  "log": {"disabled": true},
  "inbounds": [{"type": "socks", "listen": "%s", "listen_port": %s}],
  "outbounds": [{"type": "direct"}]
}
`

// SingBox is sing-box.
func SingBox() Subject {
	return Subject{Name: "sing-box", start: func(e *Env, r *Running, _ string, _ Options) error {
		if e.SingBox == "" {
			return ErrMissing
		}
		at := r.listen(e)
		config, err := e.file("sing-box.json", fmt.Sprintf(singConfig, at[1], at[3]))
		if err != nil {
			return err
		}
		return r.start(r.Way.Proxy, e.SingBox, "run", "-c", config)
	}}
}
