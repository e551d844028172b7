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
    const own = (await accepted).remotePort ?? 0;
    const group = program.pid ?? 0;
    expect(isOwnConnection([group], own, port)).toBe(true);
    expect(isOwnConnection([1, group], own, port)).toBe(true);
    expect(isOwnConnection([], own, port)).toBe(false);
    expect(isOwnConnection([1], own, port)).toBe(false);
    expect(isOwnConnection([group], own, port + 1)).toBe(false);

    const acceptedToo = next();
    const stranger = connect(port, host);
    const other = (await acceptedToo).remotePort ?? 0;
    expect(isOwnConnection([group], other, port)).toBe(false);
    stranger.destroy();
    process.kill(-group, 'SIGKILL');
    server.close();
  },
);
