import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import {
  askAsOwner,
  basic,
  deviceOf,
  type Login,
  OWNER,
  revoke,
  rtspUrlOf,
  whenReady,
} from '../../peers/agent/device-passwords.ts';
import { pageEverywhere, startOwnedAgent } from '../../peers/agent/owned-agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../../peers/programs/gstreamer.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';

const OWN = 'perch: own\nrtspTransports: [tcp]\npaths:\n  cam:\n  yard: {record: yes}\n  gate:\n  porch:\n';
const CLIP_SECONDS = ['-t', '1'];

const read = (url: string) => ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', url, ...CLIP_SECONDS]);

const logins = async (agent: Agent) =>
  (
    await askAsOwner<{ items: { id: string; user: string; protocol: string; address: string }[] }>(
      agent,
      'GET',
      '/v3/pagelogins',
    )
  ).items;

describeWith(['ffmpeg', 'gstreamer', 'curl'], 'device passwords', () => {
  let agent: Agent;
  let srtPort = 0;
  beforeAll(async () => {
    srtPort = await freeUdpPort();
    const listen = (ports: Agent['ports']) => ({ ...pageEverywhere(ports), srtAddress: `127.0.0.1:${srtPort}` });
    agent = await startAgent({ config: `${OWN}rtmp: yes\nsrt: yes\n`, isOwned: true, listen });
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  test('ffmpeg publishes and reads and GStreamer reads with device passwords over RTSP with Digest only; page passwords are rejected there', async () => {
    await using agent = await startOwnedAgent({ config: `${OWN}rtspAuthMethods: [digest]\n` });
    const sender = await deviceOf(agent, 'Doorbell', { live: false, publish: true });
    const player = await deviceOf(agent, 'Living room TV', {});
    await whenReady(agent, 'cam', false);
    await using _publisher = await startPublisher(rtspUrlOf(agent, sender));
    await whenReady(agent);
    expect(await read(rtspUrlOf(agent, player))).toBe('');
    const url = `rtsp://127.0.0.1:${agent.ports.rtsp}/cam`;
    const gst = async (user: string, password: string) => {
      const source = ['-q', 'rtspsrc', `location=${url}`, `user-id=${user}`, `user-pw=${password}`, 'protocols=tcp'];
      const sink = [
        '!',
        'application/x-rtp,media=video',
        '!',
        'identity',
        'eos-after=50',
        '!',
        'fakesink',
        'sync=false',
      ];
      const { code, output } = await runProcess('gst-launch-1.0', [...source, ...sink]);
      return gstreamerSaid(code, output);
    };
    expect(await gst(player.user, player.password)).toBe('');
    expect(await gst(player.user, 'aaaa-aaaa-aaaa-aaaa')).toMatch(/Unauthorized|Not authorized/);
    const wrong = [OWNER, { ...player, password: 'aaaa-aaaa-aaaa-aaaa' }, sender].map((one) => rtspUrlOf(agent, one));
    const rejected = [...wrong, rtspUrlOf(agent, player, 'yard')].map(read);
    for (const output of await Promise.all(rejected)) {
      expect(output).toContain('401');
    }
  });

  test('a program with a page password continues to work over RTSP next to device passwords, and is listed', async () => {
    await whenReady(agent, 'cam', false);
    await using _publisher = await startPublisher(rtspUrlOf(agent, OWNER));
    await whenReady(agent);
    expect(await logins(agent)).toMatchObject([{ user: 'owner', protocol: 'rtsp', address: '127.0.0.1' }]);
    const player = await deviceOf(agent, 'TV', {});
    expect(await read(rtspUrlOf(agent, OWNER))).toBe('');
    expect(await read(rtspUrlOf(agent, player))).toBe('');
    // A program removed from the list is offered Digest once, and returns with Basic.
    const [login] = await logins(agent);
    await askAsOwner(agent, 'DELETE', `/v3/pagelogins/${login?.id}`);
    expect(await logins(agent)).toEqual([]);
    expect(await read(rtspUrlOf(agent, player))).toBe('');
    expect(await read(rtspUrlOf(agent, OWNER))).toContain('401');
    expect(await read(rtspUrlOf(agent, OWNER))).toBe('');
    expect(await logins(agent)).toMatchObject([{ user: 'owner', protocol: 'rtsp' }]);
  });

  test('revoking a password ends its players and publishers over RTSP and HTTP, and the password opens nothing more', async () => {
    const device = await deviceOf(agent, 'Recorder', { paths: ['yard'], publish: true, recordings: true });
    const rtspUrl = rtspUrlOf(agent, device, 'yard');
    await using publisher = await startPublisher(rtspUrl);
    await whenReady(agent, 'yard');
    const reader = startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', rtspUrl, '-f', 'null', '-'],
    ]);
    const curl = async (url: string) => {
      const from = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', `${device.user}:${device.password}`];
      return (await runProcess('curl', [...from, url])).output;
    };
    const { ports, url } = agent;
    const addresses = [
      `http://127.0.0.1:${ports.hls}/yard/index.m3u8?cookieCheck=1`,
      `${url}/webrtc/yard/`,
      `http://127.0.0.1:${ports.playback}/list?path=yard`,
    ];
    for (const address of addresses) {
      await until(async () => ((await curl(address)) === '200' ? true : undefined));
    }
    const offer = await fetch(`${url}/webrtc/yard/whep`, {
      method: 'POST',
      headers: { Authorization: basic(device), 'Content-Type': 'application/sdp' },
      body: 'v=0',
    });
    expect(offer.status).toBe(400);
    expect(await curl(`${url}/v3/paths/list`)).toBe('401');
    await until(async () => {
      const { items } = await askAsOwner<{ items: { state: string }[] }>(agent, 'GET', '/v3/rtspsessions/list');
      return items.filter(({ state }) => state !== 'idle').length === 2 ? true : undefined;
    });

    await revoke(agent, device);
    await Promise.all([publisher.exited, reader.exited]);
    for (const address of addresses) {
      expect([address, await curl(address)]).toEqual([address, '401']);
    }
    expect(await read(rtspUrl)).toContain('401');
    expect(agent.process.output()).not.toContain(device.password);
  });

  test.for([
    ['RTMP', 'gate'],
    ['SRT', 'porch'],
  ] as const)(
    'over %s ffmpeg publishes with a device password, and not with that of the page',
    async ([protocol, path]) => {
      const device = await deviceOf(agent, 'Encoder', { paths: [path], live: false, publish: true });
      const urls = {
        RTMP: ({ user, password }: Login) =>
          `rtmp://127.0.0.1:${agent.ports.rtmp}/${path}?user=${user}&pass=${encodeURIComponent(password)}`,
        // In the query of an SRT URL ffmpeg 5.1 decodes `+` only.
        SRT: ({ user, password }: Login) =>
          `srt://127.0.0.1:${srtPort}?streamid=publish:${path}:${user}:${password.replaceAll(' ', '+')}`,
      };
      const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy'];
      const publish = (login: Login) =>
        startProcess('ffmpeg', [...input, '-f', protocol === 'SRT' ? 'mpegts' : 'flv', urls[protocol](login)]);
      const earlier = agent.process.output().length;
      expect(await publish(OWNER).exited).not.toBe(0);
      const output = agent.process.output().slice(earlier);
      expect(output).toContain('which only HTTP and RTSP take: use a device password');
      expect(output).not.toContain(OWNER.password);
      const publisher = publish(device);
      await whenReady(agent, path);
      await revoke(agent, device);
      await publisher.exited;
    },
  );
});
