import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { isOwnConnection } from './own-connection.ts';

const isLinux = process.platform === 'linux';

test.runIf(isLinux).for(['127.0.0.1', '::1'])(
  'a connection of a program of the group to %s is known, and nobody else is',
  async (host) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const next = async () => ((await once(server, 'connection')) as [Socket])[0];

    const script = `require('net').connect(${port}, '${host}')`;
    const accepted = next();
    const program = spawn('sh', ['-c', `"${process.execPath}" -e "${script}"; :`], { detached: true, stdio: 'ignore' });
    const own = { ip: host, port: (await accepted).remotePort ?? 0 };
    const group = program.pid ?? 0;
    expect(isOwnConnection([group], own, port)).toBe(true);
    expect(isOwnConnection([1, group], own, port)).toBe(true);
    expect(isOwnConnection([], own, port)).toBe(false);
    expect(isOwnConnection([1], own, port)).toBe(false);
    expect(isOwnConnection([group], own, port + 1)).toBe(false);
    expect(isOwnConnection([group], { ...own, port: own.port + 1 }, port)).toBe(false);
    // Another protocol has ports of its own: somebody else may have the same one there.
    expect(isOwnConnection([group], { ...own, ip: host === '::1' ? '127.0.0.1' : '::1' }, port)).toBe(false);
    expect(isOwnConnection([group], { ...own, ip: '127.0.0.2' }, port)).toBe(false);

    const acceptedToo = next();
    const stranger = connect(port, host);
    const other = { ip: host, port: (await acceptedToo).remotePort ?? 0 };
    expect(isOwnConnection([group], other, port)).toBe(false);
    stranger.destroy();
    process.kill(-group, 'SIGKILL');
    server.close();
  },
);

test.runIf(isLinux)('a connection of IPv4 to a socket of IPv6 is known whichever socket its client has', async () => {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const host of ['127.0.0.1', '::ffff:127.0.0.1']) {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const script = `require('net').connect(${port}, '${host}')`;
    const program = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' });
    const client = { ip: '127.0.0.1', port: (await accepted)[0].remotePort ?? 0 };
    expect([host, isOwnConnection([program.pid ?? 0], client, port)]).toEqual([host, true]);
    expect([host, isOwnConnection([1], client, port)]).toEqual([host, false]);
    process.kill(-(program.pid ?? 0), 'SIGKILL');
  }
  server.close();
});
