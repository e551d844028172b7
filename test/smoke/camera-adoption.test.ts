import { expect, test } from 'vitest';
import { MAIN_PROFILE, SUB_PROFILE, startOnvifCamera } from '../onvif-camera/camera.ts';
import { ffprobe } from '../peers/programs/ffmpeg.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { freeUdpPort } from '../support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'grün & 7/8@home' };
const H265 = { ...MAIN_PROFILE, token: 'h265', name: 'h265', codec: 'H265' as const };
const NAMES = {
  identity: { scopes: ['onvif://www.onvif.org/name/Hof%20%28links%29', 'onvif://www.onvif.org/Profile/T'] },
};

describeWith(['ffmpeg'], 'ONVIF cameras in the local network', () => {
  test('two that are found are adopted with one password, and other programs read their streams', async () => {
    const port = await freeUdpPort();
    await using box = await openAdoptionHarness({ port });
    const seen: unknown[] = [];
    const over = new AbortController();
    const events = await fetch(`${box.url}/v3/events?types=camera`, {
      headers: { cookie: box.cookie },
      signal: over.signal,
    });
    const reading = readEvents(events, seen);
    const common = { credentials: LOGIN, discoveryPort: port };
    await using digest = await startOnvifCamera({
      ...common,
      address: '127.0.0.21',
      quirks: { login: 'digest', media: '1' },
    });
    await using modern = await startOnvifCamera({
      ...{ ...common, ...NAMES, address: '127.0.0.22', profiles: [H265, MAIN_PROFILE, SUB_PROFILE] },
      quirks: { media: '2' },
    });
    await expect
      .poll(async () => (await box.call('POST', '/cameras/discover?wait=yes', {})).body['items'])
      .toMatchObject([
        { endpoint: digest.endpoint, name: 'Front door', path: null },
        { endpoint: modern.endpoint, name: 'Hof (links)', path: null },
      ]);
    const adopted = await box.call('POST', '/cameras/adopt', {
      ...LOGIN,
      cameras: [{ endpoint: digest.endpoint }, { endpoint: modern.endpoint }],
    });
    expect(adopted.body['items']).toMatchObject([
      { status: 'ok', path: 'front_door', paths: ['front_door', 'front_door_sub'], title: 'Front door' },
      { status: 'ok', path: 'hof_links', paths: ['hof_links', 'hof_links_sub'], description: { hasPtz: true } },
    ]);
    for (const name of ['front_door', 'front_door_sub', 'hof_links', 'hof_links_sub']) {
      await expect
        .poll(async () => (await box.call('GET', `/paths/get/${name}`)).body['ready'], { timeout: 10_000 })
        .toBe(true);
    }
    const widths = async (name: string) =>
      (
        await ffprobe(`rtsp://owner:correct%20horse%20battery@127.0.0.1:${box.rtspPort}/${name}`, [
          '-rtsp_transport',
          'tcp',
        ])
      ).streams.map((stream) => [stream.codec_name, stream.width]);
    expect(await widths('front_door')).toContainEqual(['h264', 640]);
    expect(await widths('hof_links_sub')).toContainEqual(['h264', 320]);

    const listed = await box.call('GET', '/cameras/list');
    expect(listed.body['items']).toMatchObject([
      { path: 'front_door', sub: 'front_door_sub', endpoint: digest.endpoint, hasLogin: true, state: 'running' },
      { path: 'hof_links', title: 'Hof (links)' },
    ]);
    const again = await box.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ endpoint: digest.endpoint }] });
    expect(again.body['items']).toMatchObject([{ status: 'error', trouble: 'adopted', path: 'front_door' }]);
    const picture = await box.ask('GET', '/cameras/snapshot/front_door', undefined, { cookie: box.cookie });
    expect([picture.status, picture.headers.get('content-type'), ...picture.bytes.subarray(0, 2)]).toEqual([
      200,
      'image/jpeg',
      0xff,
      0xd8,
    ]);

    expect((await box.call('POST', '/cameras/ptz/move/hof_links', { pan: 0.5 })).body).toEqual({ status: 'ok' });
    await expect.poll(() => modern.ptz.moving).toBe(true);
    expect((await box.call('POST', '/cameras/ptz/stop/hof_links')).body).toEqual({ status: 'ok' });

    expect(box.text()).toContain('# of the house');
    expect((await box.call('DELETE', '/cameras/forget/front_door')).status).toBe(200);
    await expect.poll(async () => (await box.call('GET', '/paths/list')).body['itemCount']).toBe(2);
    expect(box.text()).not.toContain('front_door');
    over.abort();
    await reading;
    const states = seen.map((event) => (event as { state: string }).state);
    expect(states).toEqual(expect.arrayContaining(['found', 'adopting', 'adopted', 'connected', 'forgotten']));
    const said = JSON.stringify([seen, listed, adopted, again, box.log]);
    expect(said).not.toContain(LOGIN.password);
    expect(said).not.toContain(encodeURIComponent(LOGIN.password));
  });
});

async function readEvents(response: Response, seen: unknown[]): Promise<void> {
  let rest = '';
  try {
    for await (const chunk of response.body ?? []) {
      rest += new TextDecoder().decode(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      seen.push(...lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6))));
    }
  } catch {
    // Given up.
  }
}
