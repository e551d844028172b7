import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Endpoint, endpointOf } from '../base/network/ip-address.ts';
import { SocketChannel } from '../base/network/socket-channel.ts';
import { isOwnConnection, type LocalConnection } from './own-connection.ts';

const isLinux = process.platform === 'linux';

/** As the RTSP server knows a connection. */
function endsOf(socket: Socket): LocalConnection {
  const { remote, local = '' } = new SocketChannel(socket);
  return { client: endpointOf(remote), server: endpointOf(local) };
}

test.runIf(isLinux).for(['127.0.0.1', '::1'])(
  'a connection to %s from a program of the process group is recognised, and no other',
  async (host) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const next = async () => ((await once(server, 'connection')) as [Socket])[0];

    const script = `require('net').connect(${port}, '${host}')`;
    const accepted = next();
    const program = spawn('sh', ['-c', `"${process.execPath}" -e "${script}"; :`], { detached: true, stdio: 'ignore' });
    const own = endsOf(await accepted);
    const group = program.pid ?? 0;
    expect(isOwnConnection([group], own)).toBe(true);
    expect(isOwnConnection([1, group], own)).toBe(true);
    expect(isOwnConnection([], own)).toBe(false);
    expect(isOwnConnection([1], own)).toBe(false);
    // Another process may have the same local port to another server of this box, such as https.
    expect(isOwnConnection([group], { ...own, server: { ip: host, port: port + 1 } })).toBe(false);
    expect(isOwnConnection([group], { ...own, client: { ip: host, port: own.client.port + 1 } })).toBe(false);
    // Another address and another protocol have separate ports.
    const elsewhere = host === '::1' ? '127.0.0.1' : '::1';
    for (const ip of ['127.0.0.2', elsewhere]) {
      const [client, server] = [own.client, own.server].map((end) => ({ ...end, ip })) as [Endpoint, Endpoint];
      expect(isOwnConnection([group], { client, server: own.server })).toBe(false);
      expect(isOwnConnection([group], { client: own.client, server })).toBe(false);
      expect(isOwnConnection([group], { client, server })).toBe(false);
    }

    const acceptedToo = next();
    const stranger = connect(port, host);
    expect(isOwnConnection([group], endsOf(await acceptedToo))).toBe(false);
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
    const own = endsOf((await accepted)[0]);
    expect([host, own.client.ip, isOwnConnection([program.pid ?? 0], own)]).toEqual([host, '127.0.0.1', true]);
    expect([host, isOwnConnection([1], own)]).toEqual([host, false]);
    process.kill(-(program.pid ?? 0), 'SIGKILL');
  }
  server.close();
});

test.runIf(isLinux)(
  "a client with the program's port towards another address of the server is not the program",
  async () => {
    const server = createServer().listen(0, '127.0.0.1');
    const other = createServer();
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    other.listen(port, '127.0.0.2');
    await once(other, 'listening');

    const next = async (at: Server) => endsOf(((await once(at, 'connection')) as [Socket])[0]);
    const acceptedOther = next(other);
    const stranger = connect({ port, host: '127.0.0.2', localAddress: '127.0.0.1' });
    const strange = await acceptedOther;
    const accepted = next(server);
    const from = `localAddress: '127.0.0.1', localPort: ${strange.client.port}`;
    const script = `require('net').connect({ port: ${port}, host: '127.0.0.1', ${from} })`;
    const program = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' });
    const own = await accepted;
    expect(strange).toEqual({ client: own.client, server: { ip: '127.0.0.2', port } });
    expect(isOwnConnection([program.pid ?? 0], own)).toBe(true);
    expect(isOwnConnection([program.pid ?? 0], strange)).toBe(false);
    stranger.destroy();
    process.kill(-(program.pid ?? 0), 'SIGKILL');
    server.close();
    other.close();
  },
);
