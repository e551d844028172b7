import { expect, test } from 'vitest';
import { silentLogger } from '../../../base/log.ts';
import { Redirect } from '../../../transports/rtsp/request/method-client.ts';
import { followRedirects } from './redirects.ts';

/** Hosts that are connected to, for a camera at `url` that redirects to `location`. */
async function hosts(url: string, location: string): Promise<string[]> {
  const asked: string[] = [];
  await followRedirects({ name: 'door', url }, silentLogger, new AbortController().signal, async ({ host }) => {
    asked.push(host);
    return asked.length === 1 ? new Redirect(location) : 'picture';
  });
  return asked;
}

test.for([
  'rtsp://127.0.0.1:8554/yard',
  'rtsp://localhost:8554/yard',
  'rtsp://[::1]:8554/yard',
  'rtsp://127.1:8554/yard',
  'rtsp://2130706433/yard',
  'rtsp://0.0.0.0/yard',
  'rtsp://[::ffff:127.0.0.1]/yard',
])('a redirect from the network to this machine (%s) is not followed', async (location) => {
  await expect(hosts('rtsp://192.0.2.1/door', location)).rejects.toThrow('redirects to this machine');
});

test.for([
  ['rtsp://192.0.2.1/door', 'rtsp://192.0.2.2/other', '192.0.2.2'],
  ['rtsp://127.0.0.1/door', 'rtsp://localhost:8554/other', 'localhost'],
  ['rtsp://127.0.0.1/door', '/other', '127.0.0.1'],
] as const)('a redirect from %s to %s is followed', async ([url, location, next]) => {
  expect((await hosts(url, location))[1]).toBe(next);
});

test.for(['rtsp://192.0.2.1/door', 'rtsp://192.0.2.2/door', 'rtsp+http://192.0.2.1/door'])(
  'a redirect from TLS to %s is not followed, because the media would be readable',
  async (location) => {
    await expect(hosts('rtsps://192.0.2.1/door', location)).rejects.toThrow(
      'redirects from TLS to an address without it',
    );
  },
);

test('a redirect to TLS is followed', async () => {
  expect(await hosts('rtsp://192.0.2.1/door', 'rtsps://192.0.2.1/door')).toHaveLength(2);
});
