import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeWith } from '../../peers/programs/peers.ts';

const SERVICE = join(import.meta.dirname, '../../../packaging/image/root/usr/lib/perch-image/wifi');
const ADDRESS = '10.83.84.1';
/** Ports that are open in the box: SSH, DNS, Perch's page and that of the access point, and others of Perch. */
const PORTS = [22, 53, 80, 443, 554, 8380, 8554, 8888, 9997];
/** Answers with its own port. */
const SERVER = `for (const port of [${PORTS}]) require('node:net').createServer((socket) => socket.end(String(port))).listen(port, '::', () => console.log(port));`;
const ASK = `Promise.all([${PORTS}].map((port) => new Promise((done) => {
  let said = '';
  const socket = require('node:net').connect({ host: process.argv[1], port, timeout: 3000 });
  socket.on('data', (bytes) => { said += bytes; }).on('close', () => done(said && port + ':' + said));
  socket.on('error', () => {}).on('timeout', () => socket.destroy());
}))).then((all) => { console.log(all.filter(Boolean).join(' ')); process.exit(); });`;

describeWith(['root', 'namespaces', 'nft'], "the firewall of the image's access point", () => {
  const name = `perchfw${process.pid}`;
  const [box, phone, cable] = [`${name}b`, `${name}p`, `${name}c`] as const;
  let folder: string;
  const run = (...command: readonly string[]) => execFileSync(command[0] ?? '', command.slice(1), { encoding: 'utf8' });
  const inside = (space: string, ...command: readonly string[]) => run('ip', 'netns', 'exec', space, ...command).trim();
  /** What answers there, as `port:server`. */
  const open = (from: string, address: string) => inside(from, process.execPath, '-e', ASK, address);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perch-firewall-'));
    for (const space of [box, phone, cable]) {
      run('ip', 'netns', 'add', space);
      run('ip', '-n', space, 'link', 'set', 'lo', 'up');
    }
    for (const [space, device, net] of [
      [phone, 'wlan0', '10.83.84'],
      [cable, 'eth0', '192.168.9'],
    ] as const) {
      run('ip', 'link', 'add', device, 'netns', box, 'type', 'veth', 'peer', 'name', 'end', 'netns', space);
      run('ip', '-n', box, 'addr', 'add', `${net}.1/24`, 'dev', device);
      run('ip', '-n', space, 'addr', 'add', `${net}.10/24`, 'dev', 'end');
      run('ip', '-n', box, 'link', 'set', device, 'up');
      run('ip', '-n', space, 'link', 'set', 'end', 'up');
      run('ip', '-n', space, 'route', 'add', 'default', 'via', `${net}.1`);
    }
    inside(box, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    writeFileSync(join(folder, 'server.cjs'), SERVER);
    writeFileSync(join(folder, 'firewall'), `${readFileSync(SERVICE, 'utf8').replace(/\nmain\n$/, '\n')}\nfirewall\n`);
    const log = join(folder, 'log');
    inside(box, 'sh', '-c', `'${process.execPath}' '${folder}/server.cjs' > '${log}' 2>&1 & echo $! > '${folder}/pid'`);
    await vi.waitUntil(() => readFileSync(log, 'utf8').trim().split('\n').length === PORTS.length, 20_000);
    inside(box, 'sh', join(folder, 'firewall'));
  });
  afterAll(() => {
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')));
    for (const space of [box, phone, cable]) {
      run('ip', 'netns', 'del', space);
    }
    rmSync(folder, { recursive: true });
  });

  test('a phone reaches names and the page, which port 80 leads to, and nothing else', () => {
    expect(open(phone, ADDRESS)).toBe('53:53 80:8380 8380:8380');
  });

  test("it reaches the same at the address of the box's other port, and nothing behind it", () => {
    expect(open(phone, '192.168.9.1')).toBe('53:53 80:8380');
    expect(open(phone, '192.168.9.10')).toBe('53:53 80:8380');
  });

  test('there is no IPv6', () => {
    const link = /inet6 (fe80[0-9a-f:]*)/.exec(run('ip', '-n', box, '-6', 'addr', 'show', 'dev', 'wlan0'))?.[1];
    expect(link).toBeDefined();
    expect(open(phone, `${link}%end`)).toBe('');
  });

  test('the other port is as before, and does not reach the page', () => {
    expect(open(cable, '192.168.9.1')).toBe(PORTS.map((port) => `${port}:${port}`).join(' '));
    expect(open(cable, ADDRESS)).toBe('');
  });
});
