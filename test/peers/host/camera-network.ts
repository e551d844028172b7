import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT, ownerOf } from '../agent/agent.ts';
import { type RunningProcess, runProcess, startProcess } from '../programs/process.ts';
import { openNamespace } from './namespace.ts';

const LINUX = join(import.meta.dirname, '../../../packaging/linux');
const PORT = 8080;

/** A `systemctl` that starts and stops the program of `perch-camera-network.service` as systemd would. */
const SYSTEMCTL = `#!/bin/sh
if [ -e /run/service ]; then
  kill "$(cat /run/service)" 2> /dev/null
  while kill -0 "$(cat /run/service)" 2> /dev/null; do sleep 0.05; done
  rm /run/service
fi
[ "$1" = restart ] || exit 0
LIB/camera-network firewall || exit 1
setsid LIB/camera-network run < /dev/null > /run/service.log 2>&1 &
echo $! > /run/service
`;
/** Stands in for `perch-network.path` and its service. */
const PATH_UNIT = 'while :; do [ ! -e /var/lib/perch/requests/network.json ] || "$1/network"; sleep 0.1; done';
/** The script that udhcpc calls: sets the address and prints the options of the lease. */
const TAKE_LEASE = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/24" dev "$interface"
ip route replace default via "$router"
echo "address=$ip router=$router dns=$dns ntp=$ntpsrv"
`;

/** Prints the ports that answered in time. The ports come by standard input: all of them do not fit into an argument. */
const SCAN = `
const [protocol, host, patience] = process.argv.slice(1);
const ports = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const found = [];
const tcp = (port) => new Promise((done) => {
  const socket = require('node:net').connect({ host, port });
  const end = (isFound) => { if (isFound) found.push(port); socket.destroy(); done(); };
  socket.on('connect', () => end(true)).on('error', ({ code }) => end(code === 'ECONNREFUSED'));
  setTimeout(() => end(false), Number(patience));
});
const udp = (port) => new Promise((done) => {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (isFound) => { if (isFound) found.push(port); socket.removeAllListeners().on('error', () => {}); socket.close(); done(); };
  socket.on('error', () => end(true)).on('message', () => end(true));
  socket.connect(port, host, () => socket.send('?', () => {}));
  const timer = setTimeout(() => end(false), Number(patience));
  socket.on('close', () => clearTimeout(timer));
});
(async () => {
  const one = protocol === 'tcp' ? tcp : udp;
  for (let at = 0; at < ports.length; at += 4000) {
    await Promise.all(ports.slice(at, at + 4000).map(one));
  }
  console.log(JSON.stringify([...new Set(found)].sort((a, b) => a - b)));
  process.exit(0);
})();
`;

/** @returns the ports that answer, with a connection or a refusal; `from` is the command that runs Node there */
export async function scan(
  from: readonly string[],
  protocol: 'tcp' | 'udp',
  host: string,
  ports: readonly number[],
  patienceMs = 2_000,
): Promise<number[]> {
  const [command = '', ...args] = [...from, process.execPath, '-e', SCAN, protocol, host, `${patienceMs}`];
  const running = startProcess(command, args);
  running.child.stdin.end(JSON.stringify(ports));
  const [line] = await running.waitFor(/^\[[\d,]*\]$/m);
  await running.exited;
  return JSON.parse(line) as number[];
}

/** Runs a DHCP client on `eth0` of a namespace, as a camera does. @returns the options of its lease */
export async function askForLease(
  namespace: string,
  folder: string,
  { tries = 10, pauseS = 1 } = {},
): Promise<Record<string, string>> {
  const script = join(folder, 'lease');
  writeFileSync(script, TAKE_LEASE, { mode: 0o755 });
  const asked = ['udhcpc', '-i', 'eth0', '-f', '-n', '-q', '-t', `${tries}`, '-T', `${pauseS}`, '-O', 'ntpsrv', '-s'];
  const { output } = await runProcess('ip', ['netns', 'exec', namespace, ...asked, script]);
  const said = /^address=.*$/m.exec(output)?.[0];
  if (said === undefined) {
    throw new Error(`no address: ${output}`);
  }
  return Object.fromEntries(said.split(' ').map((pair) => pair.split('=')));
}

export type Reach = 'reached' | 'silent';

/**
 * A box with Perch and root's services, between a home network with the internet (this machine) and two ports for cameras: `cam0`
 * with one camera, `cam1` with `otherNet`.
 */
export async function openCameraNetwork() {
  const root = mkdtempSync(join(tmpdir(), 'perch-camera-network-'));
  const lib = join(root, 'lib');
  for (const folder of ['lib', 'bin', 'run/perch-host', 'var/perch', 'var/perch-cameras']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  chmodSync(root, 0o755);
  const program = (path: string, text: string) => writeFileSync(join(root, path), text, { mode: 0o755 });
  for (const [name, as] of [
    ['host-request', 'request'],
    ['host-network', 'network'],
    ['camera-network', 'camera-network'],
  ] as const) {
    program(`lib/${as}`, readFileSync(join(LINUX, name), 'utf8').replaceAll('/usr/lib/perch/host', lib));
  }
  program('bin/systemctl', SYSTEMCTL.replaceAll('LIB', lib));
  writeFileSync(join(root, 'run/perch-host/network.ready'), '/var/lib/perch\n');
  const house = await openNamespace();
  const internet = house.hostIp.replace('198.18.', '203.0.113.').replace(/^(203\.0\.113\.\d+)\.1$/, '$1');
  writeFileSync(join(root, 'resolv.conf'), `nameserver ${internet}\n`);
  const [camera, other] = [`${house.name}-cam`, `${house.name}-other`];
  const run = async (command: string, ...args: readonly string[]) => {
    const { code, output } = await runProcess(command, args);
    if (code !== 0) {
      throw new Error(`${command} ${args.join(' ')}: ${output}`);
    }
    return output;
  };
  await run('ip', 'addr', 'add', `${internet}/32`, 'dev', house.hostInterface);
  for (const [name, port] of [
    [camera, 'cam0'],
    [other, 'cam1'],
  ] as const) {
    await run('ip', 'netns', 'add', name);
    await run('ip', '-n', house.name, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    await run('ip', '-n', name, 'link', 'set', 'eth0', 'up');
  }
  const inside = `mount --bind ${root}/run /run; mount --bind ${root}/var /var/lib; mount --bind ${root}/resolv.conf /etc/resolv.conf; PATH=${root}/bin:$PATH exec "$@"`;
  const boxed = (...words: readonly string[]) => ['netns', 'exec', house.name, 'sh', '-c', inside, 'sh', ...words];
  const started: RunningProcess[] = [];
  const start = (...args: readonly string[]) => {
    const running = startProcess('ip', args, { PERCH_ADDRESS: `:${PORT}`, PERCH_TLSADDRESS: ':8443' });
    started.push(running);
    return running;
  };
  start(...boxed('sh', '-c', PATH_UNIT, 'sh', lib));
  const perch = start(...boxed(process.execPath, ...AGENT, '--data', '/var/lib/perch'));
  await perch.waitFor(/Also in this network/);
  const url = `http://${house.ip}:${PORT}`;
  const headers = await ownerOf(url, join(root, 'var/perch'));
  // One server stands for the home network and the internet.
  const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address() as { port: number };
  const connect = `const s=require('node:net').connect({host:process.argv[1],port:Number(process.argv[2])});
    s.on('connect',()=>process.exit(0)).on('error',(e)=>process.exit(e.code==='ECONNREFUSED'?0:1));setTimeout(()=>process.exit(1),1500)`;
  const reach = async (from: readonly string[], host: string, at: number): Promise<Reach> => {
    const [command = '', ...args] = [...from, process.execPath, '-e', connect, host, `${at}`];
    return (await runProcess(command, args)).code === 0 ? 'reached' : 'silent';
  };
  const inCamera = ['ip', 'netns', 'exec', camera];
  const call = async <T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> => {
    const answer = await fetch(`${url}/v3/${path}`, {
      method,
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  };
  return {
    box: house,
    internet,
    port,
    perchPort: PORT,
    url,
    otherNet: other,
    cameraNet: camera,
    service: join(lib, 'camera-network'),
    inBox: (...words: readonly string[]) => run('ip', ...boxed(...words)),
    inCamera: (...words: readonly string[]) => runProcess('ip', ['netns', 'exec', camera, ...words]),
    /** Runs the camera's DHCP client. @returns the options of its lease */
    lease: () => askForLease(camera, join(root, 'bin')),
    /** `reached` also stands for an answer that refuses. */
    fromCamera: (host: string, at = port) => reach(inCamera, host, at),
    fromHouse: (host: string, at: number) => reach([], host, at),
    scanFromHouse: (protocol: 'tcp' | 'udp', host: string, ports: readonly number[]) =>
      scan(['env'], protocol, host, ports),
    fromBox: (host: string, at: number) => reach(['ip', 'netns', 'exec', house.name], host, at),
    startIn: (namespace: string, ...words: readonly string[]) => start('netns', 'exec', namespace, ...words),
    /** Another DHCP server, on the port of that network. */
    startDhcp: async (namespace: string) => {
      const other = start(
        ...['netns', 'exec', namespace, 'sh', '-c'],
        ...['ip addr replace 172.30.9.1/24 dev eth0 && exec dnsmasq -k --log-facility=- --pid-file= "$@"', 'sh'],
        ...['--dhcp-range=172.30.9.10,172.30.9.20,1h', '--port=0', '--conf-file=/dev/null'],
        '--dhcp-leasefile=/dev/null',
      );
      await other.waitFor(/DHCP, IP range/);
      return other;
    },
    startHere: (command: string, ...args: readonly string[]) => {
      const running = startProcess(command, args);
      started.push(running);
      return running;
    },
    ask: <T>(method: string, path = '', body?: object) => call<T>(method, `camera-network${path}`, body),
    /** Sends a request to the API, with a path below `/v3/`. */
    call,
    /** Which of the box's ports answer a camera at that address, with a connection or a refusal. */
    scan: (protocol: 'tcp' | 'udp', host: string, ports: readonly number[]) => scan(inCamera, protocol, host, ports),
    async [Symbol.asyncDispose]() {
      await runProcess('ip', boxed('systemctl', 'stop'));
      await Promise.all(started.map((one) => one.stop()));
      server.close();
      for (const name of [camera, other]) {
        await runProcess('ip', ['netns', 'del', name]);
      }
      await house[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
