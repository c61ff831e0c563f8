// One thing done through a SOCKS5 proxy by the packages of tools/node; what comes
// back goes to stdout. Arguments: what, the proxy's host and port, the target's port
// on its own host.
const dgram = require('node:dgram');
const http = require('node:http');
const net = require('node:net');
const { SocksClient } = require('socks');
const { SocksProxyAgent } = require('socks-proxy-agent');

const [what, host, port, target] = process.argv.slice(2);
const size = 65536;

const options = (command, to) => ({ proxy: { host, port: Number(port), type: 5 }, command, destination: to });

const ways = {
  async connect() {
    const { socket } = await SocksClient.createConnection(options('connect', { host: 'localhost', port: Number(target) }));
    const path = `http://localhost/${size}`;
    http.get(path, { createConnection: () => socket }, (answer) => answer.pipe(process.stdout));
  },

  async agent() {
    const agent = new SocksProxyAgent(`socks5h://${host}:${port}`);
    http.get(`http://localhost:${target}/${size}`, { agent }, (answer) => answer.pipe(process.stdout));
  },

  async udp() {
    const client = new SocksClient(options('associate', { host: '0.0.0.0', port: 0 }));
    client.on('error', fail);
    client.on('established', ({ socket, remoteHost }) => {
      const udp = dgram.createSocket('udp4');
      udp.on('message', (frame) => {
        process.stdout.write(SocksClient.parseUDPFrame(frame).data);
        udp.close();
        socket.destroy();
      });
      const frame = SocksClient.createUDPFrame({ remoteHost: { host: '127.0.0.1', port: Number(target) }, data: Buffer.from('ping') });
      udp.send(frame, remoteHost.port, remoteHost.host);
    });
    client.connect();
  },

  async bind() {
    const client = new SocksClient(options('bind', { host: '0.0.0.0', port: 0 }));
    client.on('error', fail);
    client.on('bound', ({ remoteHost }) => net.connect(remoteHost.port, remoteHost.host).end('ping'));
    client.on('established', ({ socket }) => {
      socket.pipe(process.stdout);
      socket.resume();
    });
    client.connect();
  },
};

function fail(err) {
  console.error(err.message);
  process.exit(1);
}

ways[what]().catch(fail);
