import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect, onTestFinished } from 'vitest';
import { LinkedBoxes, type NewLinkedBox } from '../../../../agent/auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { SocketChannel } from '../../../../agent/base/network/socket-channel.ts';
import { newKey, privateKeyOf } from '../../../../agent/features/away/keys/away-file.ts';
import { LINK_PATH } from '../../../../agent/features/away/keys/invitation.ts';
import { ServerInvitations } from '../../../../agent/features/away/keys/server-invitations.ts';
import { BoxCalls } from '../../../../agent/features/away/link/box-calls.ts';
import { LinkStream } from '../../../../agent/features/away/link/link-stream.ts';
import { WebSocketChannel } from '../../../../agent/media/websocket/channel.ts';
import { acceptOf } from '../../../../agent/media/websocket/frames.ts';
import { pinOf } from '../../../../agent/tls/pin.ts';
import { certificate } from '../../../support/cameras/channel-front.ts';

export const BOX = '1a2b3c4d5e6f7a8b';
const SERVER = 'AbCdEfGh-_123456';
const sha1 = (key: string): string => createHash('sha1').update(key).digest('base64');
const { cert, key: certKey } = certificate('camera');
const PIN = pinOf(Buffer.from(cert), undefined);

/** A server over TLS that has another certificate for the name `localhost`. It is paired with the box, until `isPaired` is false, and has removed it with `isRemoved`. */
export async function startLinkServer(clock: Clock) {
  const [box, own] = [newKey(), newKey()];
  const boxLinks = new LinkedBoxes();
  /** Boxes that have redeemed an invitation. */
  const added: NewLinkedBox[] = [];
  const state = {
    isPaired: true,
    isRemoved: false,
    /** A removal is proven with another key. */
    otherKey: false,
    privateKey: privateKeyOf(own),
    links: [] as LinkStream[],
    hosts: [] as string[],
  };
  boxLinks.pairings = {
    find: (_, asked) => {
      const pairing = { server: SERVER, privateKey: state.privateKey, key: own.key, boxKey: box.key };
      const joined = added.at(-1);
      const present = joined ? { ...pairing, ...joined, privateKey: privateKeyOf(joined) } : pairing;
      if (state.isRemoved) {
        const { privateKey } = state.otherKey ? { privateKey: privateKeyOf(newKey()) } : present;
        return asked === present.server ? { ...present, privateKey, isRemoved: true } : undefined;
      }
      return state.isPaired ? present : undefined;
    },
    add: async (one) => void added.push(one),
    mayAdd: () => {},
    has: () => true,
    showCameras: async () => {},
  };
  const invitations = new ServerInvitations(
    { sign: (...words) => createHash('sha256').update(words.join()).digest('base64url') },
    clock,
    silentLogger,
  );
  const calls = new BoxCalls({ clock, log: silentLogger, boxLinks, invitations });
  const named = createSecureContext(certificate('server'));
  const https = createServer({
    ...{ cert, key: certKey },
    SNICallback: (name, done) => done(null, name === 'localhost' ? named : undefined),
  });
  https.on('upgrade', (asked, socket: Socket) => {
    expect(asked.url).toBe(LINK_PATH);
    state.hosts.push(asked.headers.host ?? '');
    const accept = acceptOf(asked.headers['sec-websocket-key'] ?? '', sha1);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const stream = new LinkStream(new WebSocketChannel(new SocketChannel(socket), undefined), socket);
    state.links.push(stream);
    void calls.serve(stream, { ip: '203.0.113.5', isPrivate: false });
  });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  onTestFinished(() => {
    calls.close();
    https.close();
  });
  const { port } = https.address() as AddressInfo;
  const called = { server: SERVER, addresses: [`127.0.0.1:${port}`], pin: PIN, key: own.key };
  const identity = { box: BOX, key: box.key, privateKey: privateKeyOf(box) };
  return {
    port,
    state,
    /** No new connections. */
    stop: () => void https.close(),
    invitations,
    added,
    boxLinks,
    called,
    deps: { clock, log: silentLogger, env: {}, identity, serve: () => {}, removed: async () => {} },
  };
}
