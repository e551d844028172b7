import { createHmac, randomBytes } from 'node:crypto';

/** A STUN or TURN server that browsers may use, as `webrtcICEServers2` has it. */
export interface IceServer {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** This user name asks for credentials that are made from the password as a shared secret (TURN REST). */
const SECRET_USER = 'AUTH_SECRET';
const CREDENTIAL_LIFE_S = 24 * 60 * 60;

/** `Link` header values, draft-ietf-wish-whep §4.6. */
export function iceServerLinks(servers: readonly IceServer[], wallMs: number): string[] {
  return servers.map((server) => {
    const { username, password } = server.username === SECRET_USER ? temporary(server.password, wallMs) : server;
    const credential =
      username === ''
        ? ''
        : `; username="${quote(username)}"; credential="${quote(password)}"; credential-type="password"`;
    // Headers have bytes: any other letter goes as UTF-8.
    return Buffer.from(`<${server.url}>; rel="ice-server"${credential}`).toString('latin1');
  });
}

function temporary(secret: string, wallMs: number): { username: string; password: string } {
  const untilS = Math.floor(wallMs / 1000) + CREDENTIAL_LIFE_S;
  const username = `${untilS}:${randomBytes(8).toString('hex')}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}

const quote = (text: string): string => text.replace(/["\\]/g, '\\$&');
