import { expect, test } from 'vitest';
import type { ForwardItem } from '../../../../agent/http/api/streams/forwards.ts';
import { startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../../peers/agent/paired-boxes.ts';
import { clip, smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { BROKER_LOGIN, startMosquitto } from '../../../peers/programs/mosquitto.ts';
import { startNginxRtmp } from '../../../peers/programs/nginx-rtmp.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const CDN_SECRET = 'heron-on-the-weir';

/** What docs/scale.md names for more viewers, and for other programs. */
describeWith(['ffmpeg', 'mosquitto', 'nginxRtmp'], 'cameras of a box', () => {
  test('are forwarded to media servers, served as HLS to a CDN, and their events published by MQTT', async () => {
    const file = await clip('boxes.mkv', ['-i', await smallClip(4), '-c', 'copy']);
    await using camera = await startAgent({ config: 'api: yes\npaths:\n  stage:\n' });
    await using _publisher = await publishClip(camera, 'stage', file, { isEndless: true });
    await using media = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
    await using nginx = await startNginxRtmp();
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('perch/#');
    await using box = await startBox(['garden'], [], camera.rtspUrl('stage'));
    await using server = await startAgent({ isOwned: true });
    await pairBox(server, box);

    await asOwner(server, 'PATCH', '/v3/config/paths/patch/garden', {
      sourceOnDemand: false,
      forward: [
        { dest: `${media.rtspUrl('')}$MTX_PATH` },
        { dest: `whip://127.0.0.1:${media.ports.webrtc}/by_whip/whip` },
        { dest: `${nginx.url}/garden` },
      ],
    });
    await until(async () => {
      const address = '/v3/paths/forward/list?path=garden';
      const { items } = await asOwner<{ readonly items: readonly ForwardItem[] }>(server, 'GET', address);
      return items.length === 3 && items.every(({ state }) => state === 'forwarding') ? true : undefined;
    });
    for (const [url, ...more] of [
      [media.rtspUrl('garden'), '-rtsp_transport', 'tcp'],
      [media.rtspUrl('by_whip'), '-rtsp_transport', 'tcp'],
      [`${nginx.url}/garden`],
    ] as const) {
      const { streams } = await ffprobe(url, more);
      expect(streams.map(({ codec_name: codec }) => codec)).toContain('h264');
    }

    await asOwner(server, 'PATCH', '/v3/config/global/patch', {
      hlsCDNSecret: CDN_SECRET,
      mqtt: true,
      mqttURL: broker.url,
      ...BROKER_LOGIN,
    });
    // A CDN has no login, and caches what it gets.
    const ofCdn = (path: string, secret = CDN_SECRET) =>
      fetch(`${server.url}/hls/garden/${path}`, { headers: { Authorization: `Bearer ${secret}` } });
    const playlist = await until(async () => {
      const response = await ofCdn('index.m3u8');
      return response.status === 200 ? response : undefined;
    });
    expect(await playlist.text()).toContain('#EXTM3U');
    expect(playlist.headers.get('cache-control')).toMatch(/max-age=\d/);
    expect((await ofCdn('index.m3u8', 'wrong')).status).toBe(401);

    await until(async () => {
      const { state } = await asOwner<{ readonly state: string }>(server, 'GET', '/v3/mqtt');
      return state === 'connected' ? true : undefined;
    });
    await asOwner(box, 'POST', '/v3/events', { path: 'garden', type: 'person', id: 'visitor' });
    const text = await until(() => seen.of('perch/events').find((event) => event.includes('visitor')));
    expect(JSON.parse(text)).toMatchObject({ path: 'garden', type: 'person' });
  });
});
