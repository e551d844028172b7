import { X509Certificate } from 'node:crypto';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { sharedPins } from '../onvif/soap/http/certificate-pins.ts';
import { namesOf } from '../tls/device-names.ts';
import { issueAuthority, issueServer } from '../tls/issue.ts';

async function certificate() {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase() };
}

/** TLS in front of a camera. @returns its port, and what gives it another certificate */
async function inTls(port: number, own: { key: string; cert: string }) {
  const server = createServer(own, (secure) => {
    const plain = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [secure, plain],
      [plain, secure],
    ] as const) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    renew: (next: { key: string; cert: string }) => server.setSecureContext(next),
  };
}

test('the certificate of the adoption is pinned, another one is rejected, and setting the new fingerprint is the remedy', async () => {
  onTestFinished(() => sharedPins.set([]));
  const login = { user: 'admin', password: 'pw' };
  const camera = await startOnvifCamera({ credentials: login });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const [first, second] = [await certificate(), await certificate()];
  const front = await inTls(Number(new URL(camera.url).port), first);
  await using box = await openAdoptionHarness({});
  const onvif = `https://127.0.0.1:${front.port}/onvif/device_service`;
  const adopted = await box.call('POST', '/cameras/adopt', { cameras: [{ onvif, ...login, title: 'Door' }] });
  expect(adopted.body).toMatchObject({ items: [{ path: 'door' }] });
  expect(box.text()).toContain(`fingerprint: ${first.fingerprint}`);
  const again = () => box.call('GET', '/cameras/clock/door');
  const isReached = () => vi.waitFor(async () => expect((await again()).status).toBe(200), { timeout: 30_000 });
  await isReached();

  front.renew(second);
  const words = `fingerprint is ${second.fingerprint}, expected ${first.fingerprint}`;
  // A connection opened earlier is reused for up to a second.
  await vi.waitFor(async () => expect((await again()).body['error']).toContain(words), { timeout: 30_000 });

  const { body } = await box.call('GET', '/config/file');
  const text = String(body['text']).replaceAll(first.fingerprint, second.fingerprint);
  const headers = { cookie: box.cookie, 'if-match': `"${body['tag']}"` };
  expect((await box.ask('PUT', '/config/file', { text }, headers)).status).toBe(200);
  await isReached();
});
