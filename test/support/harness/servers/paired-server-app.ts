import { generateKeyPairSync } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { signMessage } from '../../../../agent/auth/pairing/message-signature.ts';
import { PairedServers, type ServerRights } from '../../../../agent/auth/pairing/paired-servers.ts';
import { digestOf, SignedRequests } from '../../../../agent/auth/pairing/signed-requests.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { ServerConnections, verifySignatures } from '../../../../agent/http/auth/signed-requests.ts';
import { createHttpApp } from '../../../../agent/http/listener/app.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { temporaryFolder } from '../../disks/recordings.ts';

const KEYS = generateKeyPairSync('ed25519');

/** An HTTP app of a box that is paired with a server, and that server's requests. The caller registers the routes. */
export async function pairedServerApp(rights: Partial<ServerRights>) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const servers = await PairedServers.open(folder.path, clock, silentLogger);
  const key = KEYS.publicKey.export({ format: 'jwk' }).x ?? '';
  const { id } = await servers.add('Office', key, { cameras: 'all', live: true, recordings: true, ...rights });
  const signatures = new SignedRequests(servers, () => true, clock);
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  verifySignatures(app, { signatures, paired: servers }, new ServerConnections());
  let count = 0;
  /** @param body sent as JSON @param isSigned false: the request lacks the signature of the server */
  const request = async (method: 'GET' | 'POST' | 'PATCH', target: string, body?: object, isSigned = true) => {
    count += 1;
    const payload = body && JSON.stringify(body);
    const { timeS: created, run } = signatures;
    const fields = { created, expires: created + 60, nonce: String(count).padStart(22, 'n'), keyId: id };
    const digest = payload === undefined ? undefined : digestOf(Buffer.from(payload));
    const headers = signMessage({ method, target, run, digest }, fields, KEYS.privateKey);
    const answer = await app.inject({
      ...{ method, url: target },
      headers: { ...(isSigned && headers), ...(payload && { 'content-type': 'application/json' }) },
      ...(payload && { payload }),
    });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), text: answer.body };
  };
  return { app, servers, id, request };
}
