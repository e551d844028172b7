import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { certificate } from '../../../support/cameras/channel-front.ts';

/** RFC 8188 §2.1: salt, record size, length of the key id. */
const HEADER_BYTES = 21;
const SALT_BYTES = 16;
const TAG_BYTES = 16;

interface PushMessage {
  readonly headers: Readonly<Record<string, unknown>>;
  /** Decrypted JSON. */
  readonly payload: Record<string, unknown>;
  readonly encryptedBytes: number;
}

/** A browser's side of RFC 8291, written with Node's own functions. */
export function pushBrowser() {
  const ecdh = createECDH('prime256v1');
  const own = ecdh.generateKeys();
  const auth = randomBytes(16);
  return {
    keys: { p256dh: own.toString('base64url'), auth: auth.toString('base64url') },
    decrypt: (body: Buffer): string => {
      const salt = body.subarray(0, SALT_BYTES);
      const sender = body.subarray(HEADER_BYTES, HEADER_BYTES + (body[HEADER_BYTES - 1] ?? 0));
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), own, sender]);
      const secret = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(sender), auth, info, 32));
      const derive = (label: string, bytes: number) =>
        Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${label}\0`, bytes));
      const record = body.subarray(HEADER_BYTES + sender.length);
      const cipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
      cipher.setAuthTag(record.subarray(-TAG_BYTES));
      const padded = Buffer.concat([cipher.update(record.subarray(0, -TAG_BYTES)), cipher.final()]);
      // The last record ends with 2 and zeros (RFC 8188 §2).
      return padded.subarray(0, padded.lastIndexOf(2)).toString('utf8');
    },
  };
}

/** Whether `Authorization` is signed by this key for this origin (RFC 8292). @returns its claims */
export function vapidClaims(authorization: string, publicKey: string): Record<string, unknown> {
  const [, token = '', key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  const [head = '', claims = '', signature = ''] = token.split('.');
  const point = Buffer.from(publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const signer = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, format: 'jwk' });
  const isRight = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: signer, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!isRight || key !== publicKey) {
    throw new Error(`wrong signature: ${authorization}`);
  }
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}

/** A push service on loopback, and the browser that it serves. */
export async function openPushService() {
  const browser = pushBrowser();
  const messages: PushMessage[] = [];
  const state = { status: 201 };
  const { key, cert } = certificate('camera');
  const server = createServer({ key, cert }, async (request, response) => {
    const body = await buffer(request);
    if (state.status < 300) {
      const payload = JSON.parse(browser.decrypt(body));
      messages.push({ headers: request.headers, payload, encryptedBytes: body.length });
    }
    response.writeHead(state.status, state.status === 307 ? { Location: 'https://127.0.0.1:1/' } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    messages,
    state,
    port,
    subscription: { endpoint: `https://localhost:${port}/push/1`, ...browser.keys },
    /** Reaches the service under the name of its certificate. */
    https: { isAllowed: () => true, resolve: async () => ['127.0.0.1'], port, ca: cert.toString() },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
