import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A minimal RTSP client: DESCRIBE, SETUP of the first track within the connection, PLAY.
 * @param url its credentials are sent by Basic
 * @returns the connection after the reply to PLAY: media follows, whose first bytes may be missing
 */
export async function pull(url: string): Promise<Socket> {
  const { hostname, port, username, password } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const login = Buffer.from(`${username}:${password}`).toString('base64');
  try {
    await once(socket, 'connect');
    await play(socket, url.replace(/\/\/.*@/, '//'), username === '' ? [] : [`Authorization: Basic ${login}`]);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

async function play(socket: Socket, url: string, login: readonly string[]): Promise<void> {
  // A server that has closed the connection sends no reply.
  const over = new AbortController();
  socket.once('close', () => over.abort());
  let pending = Buffer.alloc(0);
  let cseq = 0;
  const ask = async (method: string, uri: string, ...headers: string[]) => {
    cseq += 1;
    socket.write(`${[`${method} ${uri} RTSP/1.0`, `CSeq: ${cseq}`, ...login, ...headers].join('\r\n')}\r\n\r\n`);
    for (;;) {
      // Some send media before they answer PLAY.
      const start = pending.indexOf('RTSP/1.0 ');
      const end = start < 0 ? -1 : pending.indexOf('\r\n\r\n', start);
      const head = pending.subarray(Math.max(0, start), Math.max(0, end)).toString('latin1');
      const size = end + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (end >= 0 && pending.length >= size) {
        const body = pending.subarray(end + 4, size).toString();
        pending = pending.subarray(size);
        if (!head.startsWith('RTSP/1.0 200')) {
          throw new Error(`${method} ${uri}: ${head}`);
        }
        return { head, body };
      }
      const [chunk] = (await once(socket, 'data', { signal: over.signal })) as [Buffer];
      pending = Buffer.concat([pending, chunk]);
    }
  };
  const { head, body } = await ask('DESCRIBE', url, 'Accept: application/sdp');
  const base = /content-base: *(\S+)/i.exec(head)?.[1] ?? `${url}/`;
  const control = /^a=control:(?!\*)(\S+)/m.exec(body.slice(body.indexOf('\nm=') + 1))?.[1] ?? '';
  const track = control.startsWith('rtsp:') ? control : `${base.replace(/\/$/, '')}/${control}`;
  const setup = await ask('SETUP', track, 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1');
  const session = /session: *([^;\s]+)/i.exec(setup.head)?.[1] ?? '';
  await ask('PLAY', base, `Session: ${session}`, 'Range: npt=0-');
}
