import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkLocal, type Namespace, openNamespace } from '../../../peers/host/namespace.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../../peers/programs/process.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';

const RULES = join(import.meta.dirname, '../../../../packaging/fleet/bus.nft');
/** Says how many bytes of a connection have come. */
const SERVER = `require('node:net').createServer((socket) => {
  let bytes = 0;
  socket.on('error', () => {}).on('data', (chunk) => { bytes += chunk.length; socket.write(bytes + '\\n'); });
}).listen(4222, '::', () => console.log('open'));`;
const LARGE = 2_500_000;
/** With 100 kB/s after 2 MB it takes some 3 s, else some hundredths of one. */
const LIMITED_MS = 1_500;

describeWith(['root', 'namespaces', 'nft'], 'the firewall of the bus', () => {
  let nats: Namespace;
  let server: RunningProcess;
  const inside = async (...command: readonly string[]) => {
    const { code, output } = await runProcess('ip', ['netns', 'exec', nats.name, ...command]);
    expect([code, output]).toEqual([0, '']);
  };

  beforeAll(async () => {
    nats = await openNamespace();
    server = startProcess('ip', ['netns', 'exec', nats.name, process.execPath, '-e', SERVER]);
    await server.waitFor(/open/);
  });
  afterAll(async () => {
    await server.stop('SIGKILL');
    await nats[Symbol.asyncDispose]();
  });

  /** @returns how long it takes until the other end has them */
  const send = async (bytes: number, to = nats.ip): Promise<number> => {
    const beganMs = performance.now();
    const socket = connect(4222, to);
    socket.setEncoding('utf8');
    socket.write(Buffer.alloc(bytes));
    let text = '';
    while (!text.includes(`${bytes}\n`)) {
      const [more] = (await once(socket, 'data')) as [string];
      text += more;
    }
    socket.destroy();
    return performance.now() - beganMs;
  };

  test('a connection of a box is limited, others are not delayed, and servers are not limited', async () => {
    expect(await send(LARGE)).toBeLessThan(LIMITED_MS);
    await inside('nft', '-f', RULES);
    await inside('nft', '-f', RULES);
    const large = send(LARGE);
    expect(await send(10_000)).toBeLessThan(LIMITED_MS);
    expect(await large).toBeGreaterThan(LIMITED_MS);
    using folder = temporaryFolder();
    const ofServer = join(folder.path, 'bus.nft');
    const hostIp6 = await linkLocal([], nats.hostInterface);
    const ip6 = `${await linkLocal(['-n', nats.name], nats.farInterface)}%${nats.hostInterface}`;
    const rules = readFileSync(RULES, 'utf8').replace('203.0.113.10', nats.hostIp).replace('2001:db8::10', hostIp6);
    writeFileSync(ofServer, rules);
    await inside('nft', '-f', ofServer);
    expect(await send(LARGE)).toBeLessThan(LIMITED_MS);
    expect(await send(LARGE, ip6)).toBeLessThan(LIMITED_MS);
  });
});
