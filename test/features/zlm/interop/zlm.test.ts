import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { AS_MJPEG, startPublisher } from '../../../peers/clients/publisher.ts';
import { type Answer, address, CAM1, call, type Fields, isOnline, SECRET } from '../../../peers/clients/zlm-client.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePorts } from '../../../support/base/free-port.ts';
import { pictureOf, startSnapshotCamera } from '../../../support/cameras/snapshot-camera.ts';
import { openHookServer } from '../../../support/servers/web-hooks.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
const LIMIT = { timeout: 60_000 };
const TCP = ['-rtsp_transport', 'tcp'];

const offer = (agent: Agent, name: string, fields: Fields) =>
  fetch(address(agent, name, fields), { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: OFFER });

const hooksOf = (url: string, ...names: string[]) => names.map((name) => `${name}: ${url}${name}\n`).join('');
const CONFIG = `zlmSecret: ${SECRET}\npaths:\n  live/cam1:\n  live/sink:\n`;

describeWith(['ffmpeg'], "ZLMediaKit's calls", () => {
  test(
    "getSnap returns the newest picture of an MJPEG stream, the camera's snapshot, or the last key frame",
    LIMIT,
    async () => {
      const pictures = [pictureOf(500, 1), pictureOf(500, 2)];
      await using camera = await startSnapshotCamera({
        onGet: (_request, response) => {
          response.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(pictures.shift());
          return true;
        },
      });
      await using hooks = await openHookServer();
      const still = `  live/still:\n    camera:\n      onvif: ${camera.url}\n`;
      await using agent = await startAgent({ config: `zlmOnFlowReport: ${hooks.url}flow\n${CONFIG}${still}` });
      await using motion = await startPublisher(`${agent.rtspUrl('live/cam1')}?a=b`, [...AS_MJPEG, '-q:v', '2']);
      await using _other = await startPublisher(agent.rtspUrl('live/still'));
      await using _plain = await startPublisher(agent.rtspUrl('live/sink'));
      const snap = async (stream: string, expireS = 1) => {
        const fields = { secret: SECRET, timeout_sec: '10', expire_sec: String(expireS) };
        return fetch(address(agent, 'getSnap', { ...fields, url: `rtsp://192.0.2.1/live/${stream}` }));
      };
      for (const stream of ['cam1', 'still', 'sink']) {
        await isOnline(agent, { ...CAM1, stream });
      }
      const moving = await snap('cam1');
      expect(moving.headers.get('content-type')).toBe('image/jpeg');
      const file = join(agent.dataDir, 'snap.jpg');
      writeFileSync(file, Buffer.from(await moving.arrayBuffer()));
      expect((await ffprobe(file)).streams[0]).toMatchObject({ codec_name: 'mjpeg', width: 640, height: 360 });

      const fill = async (expireS: number) => new Uint8Array(await (await snap('still', expireS)).arrayBuffer())[100];
      expect([await fill(60), await fill(60), await fill(0)]).toEqual([1, 1, 2]);
      writeFileSync(file, Buffer.from(await (await snap('sink')).arrayBuffer()));
      expect((await ffprobe(file)).streams[0]).toMatchObject({ codec_name: 'mjpeg', width: 640, height: 360 });
      expect(await (await snap('missing')).json()).toEqual({ code: -500, msg: 'can not find the stream' });

      await until(async () => Number((await call(agent, 'getMediaInfo', CAM1))['totalBytes']) > 2 << 20 || undefined);
      await motion.stop('SIGKILL');
      const { body } = await until(async () => hooks.of('flow')[0]);
      expect(body).toMatchObject({ schema: 'rtsp', app: 'live', stream: 'cam1', params: 'a=b', player: false });
    },
  );

  test('take their parameters in every form, and the query wins', LIMIT, async () => {
    await using agent = await startAgent({ config: CONFIG });
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);
    const fields = { secret: SECRET, ...CAM1 };
    const wrong = { ...fields, stream: 'other' };
    const answers: Answer[] = [];
    for (const [query, body, headers] of [
      [fields, undefined, {}],
      [{}, new URLSearchParams(fields), {}],
      [{}, JSON.stringify(fields), { 'Content-Type': 'application/json' }],
      [{}, undefined, fields],
      [{ stream: 'cam1' }, new URLSearchParams(wrong), {}],
      [{ stream: 'other' }, new URLSearchParams(fields), {}],
    ] as const) {
      const method = body === undefined ? 'GET' : 'POST';
      const response = await fetch(address(agent, 'ISMEDIAONLINE', query), { method, headers, ...(body && { body }) });
      answers.push((await response.json()) as Answer);
    }
    expect(answers.map(({ online }) => online)).toEqual([true, true, true, true, true, false]);
    const named = [{}, { schema: 'rtsp' }, { app: 'live' }, { stream: 'cam1' }, { vhost: CAM1.vhost }, CAM1];
    const counts: number[] = [];
    for (const filter of [...named, { schema: 'fmp4' }, { app: 'x' }, { stream: 'x' }, { vhost: 'x' }]) {
      counts.push(((await call(agent, 'getMediaList', filter)).data as unknown[] | undefined)?.length ?? 0);
    }
    expect(counts).toEqual([4, 1, 4, 4, 4, 1, 0, 0, 0, 0]);
  });

  test('push a stream to a server, and stop', LIMIT, async () => {
    await using hooks = await openHookServer();
    const config = `${hooksOf(hooks.url, 'zlmOnPublish')}${CONFIG}  live/copy:\n`;
    await using agent = await startAgent({ config });
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);
    const file = () => readFileSync(join(agent.dataDir, 'test.yml'), 'utf8');
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/live/copy`;
    const pusher = { ...CAM1, schema: 'rtmp', dst_url: `${url}?token=of-the-key` };
    const { data } = (await call(agent, 'addStreamPusherProxy', pusher)) as unknown as { data: Fields };
    expect(data['key']).toMatch(/^rtmp\/__defaultVhost__\/live\/cam1\/[\da-f]{32}$/);
    const copy = { ...CAM1, schema: 'rtmp', stream: 'copy' };
    await isOnline(agent, copy);
    expect(await call(agent, 'getMediaInfo', copy)).toMatchObject({ originType: 1, originTypeStr: 'rtmp_push' });
    expect(hooks.of('zlmOnPublish').at(-1)?.body).toMatchObject({ schema: 'rtmp', stream: 'copy', originType: 1 });
    expect(file()).toContain('token=of-the-key');
    const listed = (await call(agent, 'listStreamPusherProxy')).data;
    expect(listed).toEqual([expect.objectContaining({ ...data, status: 0, status_str: 'pushing' })]);
    expect(JSON.stringify(listed)).not.toContain('of-the-key');
    expect(await call(agent, 'delStreamPusherProxy', data)).toEqual({ code: 0, data: { flag: true } });
    expect(file()).not.toContain('of-the-key');
    await until(async () => (await call(agent, 'isMediaOnline', copy))['online'] === false || undefined);

    const [closed] = await freePorts(1);
    const nowhere = { ...pusher, dst_url: `rtmp://127.0.0.1:${closed}/live/copy` };
    expect(await call(agent, 'addStreamPusherProxy', nowhere)).toMatchObject({ code: -1 });
    expect((await call(agent, 'listStreamPusherProxy')).data).toEqual([]);
    expect(await call(agent, 'addStreamPusherProxy', { ...pusher, stream: 'none' })).toEqual({
      code: -1,
      msg: 'can not find the source stream',
    });
    expect(await call(agent, 'addStreamPusherProxy', { ...pusher, dst_url: 'http://127.0.0.1/x' })).toMatchObject({
      code: -400,
    });
  });

  test('pull a stream for addFFmpegSource, and change settings', LIMIT, async () => {
    await using agent = await startAgent({ config: CONFIG });
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);
    const source = { src_url: agent.rtspUrl('live/cam1'), dst_url: 'rtmp://127.0.0.1/yard/gate', timeout_ms: '10000' };
    const { data } = (await call(agent, 'addFFmpegSource', source)) as unknown as { data: Fields };
    await ffprobe(agent.rtspUrl('yard/gate'), TCP);
    expect((await call(agent, 'listFFmpegSource')).data).toEqual([expect.objectContaining({ ...data })]);
    expect(await call(agent, 'delFFmpegSource', data)).toEqual({ code: 0, data: { flag: true } });

    const settings = { 'hook.retry': '4', 'general.mediaServerId': 'house', 'api.apiDebug': '1' };
    expect(await call(agent, 'setServerConfig', settings)).toEqual({ code: 0, changed: 2 });
    expect(await call(agent, 'setServerConfig', settings)).toEqual({ code: 0, changed: 0 });
    expect((await call(agent, 'getServerConfig')).data).toEqual([
      expect.objectContaining({ 'hook.retry': '4', 'general.mediaServerId': 'house' }),
    ]);
    expect(readFileSync(join(agent.dataDir, 'test.yml'), 'utf8')).toContain('zlmHookRetry: 4');
    // The secret is not the owner's password: it decides neither who may watch nor which server gets the logins.
    for (const right of ['api.secret', 'hook.on_play', 'hook.on_publish', 'hook.on_stream_not_found']) {
      expect(await call(agent, 'setServerConfig', { [right]: 'http://127.0.0.1:1/' })).toMatchObject({ code: -400 });
    }
    const unknown = await fetch(address(agent, 'setServerConfig', { secret: 'wrong', 'hook.retry': '0' }));
    expect(await unknown.json()).toMatchObject({ code: -100 });
  });

  test('add a proxy as a path of the configuration, and remove it', LIMIT, async () => {
    await using agent = await startAgent({ config: CONFIG });
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);
    const file = () => readFileSync(join(agent.dataDir, 'test.yml'), 'utf8');
    const proxy = { vhost: CAM1.vhost, app: 'yard', stream: 'gate/left', url: agent.rtspUrl('live/cam1') };
    expect(await call(agent, 'addStreamProxy', proxy)).toMatchObject({ code: 0 });
    expect(file()).toContain('yard/gate/left:');
    expect(await call(agent, 'addStreamProxy', proxy)).toEqual({ code: -1, msg: 'This stream already exists' });
    const key = '__defaultVhost__/yard/gate/left';
    expect((await call(agent, 'listStreamProxy')).data).toEqual([
      expect.objectContaining({ key, url: proxy.url, status: 0, status_str: 'playing' }),
    ]);
    await ffprobe(agent.rtspUrl('yard/gate/left'), TCP);
    expect(await call(agent, 'delStreamProxy', { key })).toEqual({ code: 0, data: { flag: true } });
    expect(await call(agent, 'delStreamProxy', { key })).toEqual({ code: 0, data: { flag: false } });

    const away = { ...proxy, url: 'rtsp://127.0.0.1:1/away', timeout_sec: '1' };
    expect(await call(agent, 'addStreamProxy', away)).toMatchObject({ code: -1 });
    for (const url of ['file:///etc/passwd', 'ffmpeg://x', 'publisher', 'rtsp://a b/']) {
      expect((await call(agent, 'addStreamProxy', { ...away, url })).code, url).toBeLessThan(0);
    }
    expect((await call(agent, 'listStreamProxy')).data).toEqual([]);
    expect(file()).not.toContain('yard');
  });
});

describeWith(['ffmpeg'], "ZLMediaKit's web hooks", () => {
  test('reject players and publishers, with their message', LIMIT, async () => {
    const isGuest = ({ body }: { body: Readonly<Record<string, unknown>> }) => body['params'] !== 'token=good';
    await using hooks = await openHookServer((one) =>
      isGuest(one) ? { json: { code: 7, msg: 'not without a ticket' } } : undefined,
    );
    const config = hooksOf(hooks.url, 'zlmOnPlay', 'zlmOnPublish') + CONFIG;
    await using agent = await startAgent({ config });
    await using stranger = await startPublisher(agent.rtspUrl('live/sink'));
    await until(async () => (hooks.of('zlmOnPublish').length > 0 ? true : undefined));
    await using _publisher = await startPublisher(`${agent.rtspUrl('live/cam1')}?token=good`);
    await isOnline(agent);
    expect((await call(agent, 'isMediaOnline', { ...CAM1, stream: 'sink' }))['online']).toBe(false);
    expect(stranger.output()).toContain('401');

    const play = { app: 'live', stream: 'cam1' };
    const refused = await offer(agent, 'whep', play);
    expect([refused.status, await refused.text()]).toEqual([406, '[auth failed]: code: 7 msg: not without a ticket']);
    expect(await (await offer(agent, 'webrtc', { ...play, type: 'play' })).json()).toEqual({
      code: -400,
      msg: '[auth failed]: code: 7 msg: not without a ticket',
    });
    expect((await fetch(`http://127.0.0.1:${agent.ports.hls}/live/cam1/index.m3u8?cookieCheck=1`)).status).toBe(401);
    expect(hooks.of('zlmOnPlay')[0]).toMatchObject({
      headers: { 'x-vhost': '__defaultVhost__', 'content-type': 'application/json' },
      body: { mediaServerId: 'perch', schema: 'rtc', ...play, params: 'app=live&stream=cam1', ip: '127.0.0.1' },
    });
    const flv = (query = '') => fetch(`${agent.url}/live/cam1.live.flv${query}`);
    expect((await flv()).status).toBe(401);
    expect(hooks.of('zlmOnPlay').at(-1)?.body).toMatchObject({ schema: 'rtmp', protocol: 'rtmp', ...play, params: '' });
    const viewer = await flv('?token=good');
    expect(viewer.status).toBe(200);
    await viewer.body?.cancel();
    await ffprobe(`${agent.rtspUrl('live/cam1')}?token=good`, TCP);
    await expect(ffprobe(agent.rtspUrl('live/cam1'), TCP)).rejects.toThrow();
  });

  test('report streams, and a missing one can be made while its player waits', LIMIT, async () => {
    let agent: Agent | undefined;
    await using hooks = await openHookServer(async ({ name, body }) => {
      if (name !== 'zlmOnStreamNotFound' || !agent) {
        return name === 'zlmOnStreamNoneReader' ? { json: { code: 0, close: true } } : undefined;
      }
      if (body['stream'] !== 'wanted') {
        return { json: { code: 0, close: true } };
      }
      const proxy = { vhost: CAM1.vhost, app: 'live', stream: 'wanted', url: agent.rtspUrl('live/cam1') };
      return { json: await call(agent, 'addStreamProxy', proxy) };
    });
    const names = ['zlmOnStreamNotFound', 'zlmOnStreamNoneReader', 'zlmOnStreamChanged', 'zlmOnServerStarted'];
    // Longer than a busy machine takes from the stream to the player's answer: else the hook closes it in between.
    const times = 'zlmStreamNoneReaderDelay: 4s\nwebrtcHandshakeTimeout: 1s\nzlmKeepaliveInterval: 1s\n';
    const config = `${hooksOf(hooks.url, ...names, 'zlmOnServerKeepalive')}${times}${CONFIG}`;
    await using running = await startAgent({ config });
    agent = running;
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);
    const changed = await until(async () =>
      hooks.of('zlmOnStreamChanged').find(({ body }) => body['schema'] === 'hls.fmp4'),
    );
    expect(changed.body).toMatchObject({ regist: true, app: 'live', stream: 'cam1' });

    const missing = await offer(agent, 'webrtc', { app: 'live', stream: 'missing', type: 'play' });
    expect(await missing.json()).toEqual({ code: -400, msg: 'stream not found' });
    const player = await offer(agent, 'webrtc', { app: 'live', stream: 'wanted', type: 'play' });
    expect(await player.json()).toMatchObject({ code: 0, type: 'answer' });
    expect(hooks.of('zlmOnStreamNotFound')[0]?.body).toMatchObject({ app: 'live', stream: 'missing' });
    // It never connects and times out: the proxy has no viewer left, and the hook has it closed.
    await until(async () => (hooks.of('zlmOnStreamNoneReader').length > 0 ? true : undefined));
    const box = agent;
    await until(async () => ((await call(box, 'listStreamProxy')).data as []).length === 0 || undefined);
    await until(async () => hooks.of('zlmOnStreamChanged').find(({ body }) => body['regist'] === false));
    expect(hooks.of('zlmOnServerStarted')).toHaveLength(1);
    await until(async () => hooks.of('zlmOnServerKeepalive')[0]);
  });
});

test('a web hook that fails does not end the wait for a known path', LIMIT, async () => {
  await using hooks = await openHookServer(() => ({ status: 500 }));
  const config = `zlmOnStreamNotFound: ${hooks.url}zlmOnStreamNotFound\nzlmHookRetry: 0\n${CONFIG}`;
  await using agent = await startAgent({ config });
  const gone = new AbortController();
  const waiting = { method: 'POST', body: OFFER, signal: gone.signal };
  let isAnswered = false;
  const play = (stream: string) => address(agent, 'webrtc', { app: 'live', stream, type: 'play' });
  const known = fetch(play('cam1'), waiting).finally(() => {
    isAnswered = true;
  });
  await until(async () => hooks.of('zlmOnStreamNotFound')[0]);
  const unknown = await offer(agent, 'webrtc', { app: 'live', stream: 'missing', type: 'play' });
  expect(await unknown.json()).toEqual({ code: -400, msg: 'stream not found' });
  expect(isAnswered).toBe(false);
  gone.abort();
  await expect(known).rejects.toThrow('abort');
});

test('the secret is in the data folder and shown to the owner; without it every request is rejected', async () => {
  await using agent = await startAgent({ config: 'paths:\n  cam:\n' });
  const { secret } = JSON.parse(readFileSync(join(agent.dataDir, 'zlm-secret.json'), 'utf8')) as { secret: string };
  expect(secret).toMatch(/^[\w-]{32}$/);
  const refused = await fetch(`${agent.url}/index/api/getMediaList`);
  const { cookie, ...rest } = (await refused.json()) as Record<string, string>;
  expect([refused.status, rest]).toEqual([200, { code: -100, msg: 'Please login first' }]);
  expect(refused.headers.get('set-cookie')).toMatch(`ZLM_UNLOGIN=${cookie}; `);

  const digest = createHash('md5').update(`zlmediakit:${secret}:${cookie}`).digest('hex');
  const headers = { cookie: `ZLM_UNLOGIN=${cookie}` };
  const login = await fetch(`${agent.url}/index/api/login?digest=${digest}`, { headers });
  const [, session = ''] =
    /(ZLM_LOGINED=[^;]+);.*HttpOnly; SameSite=Strict/.exec(login.headers.get('set-cookie') ?? '') ?? [];
  const list = async (more: Readonly<Record<string, string>> = {}) =>
    (await fetch(`${agent.url}/index/api/getApiList`, { headers: { cookie: session, ...more } })).json();
  expect(await list()).toMatchObject({ code: 0 });
  expect(await list({ origin: agent.url })).toMatchObject({ code: 0 });
  // A page of another port is of the same site: SameSite withholds the cookie from none of its requests.
  for (const foreign of [{ origin: 'http://127.0.0.1:1' }, { 'sec-fetch-site': 'same-site' }]) {
    expect(await list(foreign)).toMatchObject({ code: -100 });
  }

  const form = new URLSearchParams({ secret });
  const requests: readonly RequestInit[] = [
    { method: 'POST', body: form },
    { method: 'POST', body: JSON.stringify({ secret }), headers: { 'Content-Type': 'application/json' } },
    { headers: { secret } },
  ];
  for (const init of requests) {
    expect(await (await fetch(`${agent.url}/index/api/VERSION`, init)).json()).toMatchObject({ code: 0 });
  }
  // The secret is the owner's: without an owner it is only in the data folder.
  expect((await fetch(`${agent.url}/v3/zlm`)).status).toBe(401);
  const forwarded = { 'X-Forwarded-For': '192.0.2.9' };
  expect((await fetch(`${agent.url}/v3/zlm`, { headers: forwarded })).status).toBe(401);
  const outside = await fetch(`${agent.url}/index/api/version?secret=${secret}`, { headers: forwarded });
  expect(await outside.json()).toEqual({ code: -100, msg: 'Your ip is not allowed to access the service.' });
  const missing = await fetch(`${agent.url}/index/api/isMediaOnline?secret=${secret}&app=live`);
  expect(await missing.json()).toEqual({
    code: -300,
    msg: 'Required parameter missed: "schema", "vhost", "stream"',
  });
  expect(missing.headers.get('connection')).toBe('close');
  const whep = await fetch(`${agent.url}/index/api/whep?app=live&stream=x`, { method: 'POST', body: OFFER });
  expect([whep.status, await whep.text()]).toEqual([406, 'stream not found']);
});

test('answers guesses at the login late, and few at a time', LIMIT, async () => {
  await using agent = await startAgent({ config: CONFIG });
  const guess = async (): Promise<() => Promise<string>> => {
    const { cookie } = (await (await fetch(`${agent.url}/index/api/version`)).json()) as { cookie: string };
    const headers = { cookie: `ZLM_UNLOGIN=${cookie}` };
    return async () => (await fetch(`${agent.url}/index/api/login?digest=0`, { headers })).text();
  };
  const guesses = await Promise.all(Array.from({ length: 40 }, guess));
  const answers = await Promise.all(guesses.map((one) => one()));
  const late = answers.filter((text) => text.includes('Please login first')).length;
  const atOnce = answers.filter((text) => text.includes('wrong logins from this address')).length;
  // An early response makes room for another.
  expect(late).toBeGreaterThanOrEqual(8);
  expect(atOnce).toBeGreaterThan(0);
  expect(late + atOnce).toBe(40);
});

test('a rejection over HTTP/2 has no header that is specific to HTTP/1', LIMIT, async () => {
  const [port] = await freePorts(1);
  await using agent = await startAgent({ config: `tlsAddress: 127.0.0.1:${port}\n${CONFIG}` });
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  const answer = await text(session.request({ ':path': `/index/api/isMediaOnline?secret=${SECRET}` }));
  session.close();
  expect(JSON.parse(answer)).toMatchObject({ code: -300 });
  expect(agent.process.output()).not.toContain('UnsupportedWarning');
});
