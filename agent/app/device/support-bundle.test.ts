import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { PASSWORD, startRestartingHarness } from '../../../test/support/base/restarting-harness.ts';

/** Each is stored in one place of the box; none is part of another. */
const SECRETS = {
  cameraUrl: 'Zqxwvk-url-secret-1',
  cameraOdd: 'Zqxwvk:odd@sec/ret-2',
  camera: 'Zqxwvk-camera-secret-3',
  query: 'Zqxwvk-query-secret-4',
  maker: 'Zqxwvk-maker-secret-5',
  turn: 'Zqxwvk-turn-secret-6',
  plainUser: 'Zqxwvk-plain-user-7',
  hashedUser: 'sha256:j1tsRqDEw9xvq/D7/9tMx6Jh/jMhk3UfjwIB2f1zgMo=',
  cdn: 'Zqxwvk-cdn-secret-8-long',
  command: 'Zqxwvk-command-secret-9',
  hook: 'Zqxwvk-hook-secret-10',
  zlm: 'Zqxwvk-zlm-secret-11-long-enough',
  path: 'Zqxwvk-path-secret-12',
};
const CONFIG = `webrtcICEServers2:
  - url: turn:192.0.2.1:3478
    username: turner
    password: ${SECRETS.turn}
authInternalUsers:
  - { user: machine, pass: ${SECRETS.plainUser}, permissions: [{ action: api }] }
  - { user: other, pass: '${SECRETS.hashedUser}', permissions: [{ action: read }] }
hlsCDNSecret: ${SECRETS.cdn}
zlmSecret: ${SECRETS.zlm}
zlmOnPlay: http://192.0.2.1/hook?key=${SECRETS.hook}
paths:
  door:
    source: rtsp://admin:${SECRETS.cameraUrl}@127.0.0.9:1/live?channel=7&vendorkey=${SECRETS.maker}
    camera: { name: Front door, onvif: 'http://127.0.0.9/onvif', user: admin, password: ${SECRETS.camera} }
  gate:
    source: 'rtsp://admin:${SECRETS.cameraOdd}@127.0.0.9:1/1'
    runOnInit: 'sh -c "echo ${SECRETS.command} rtsp://u:${SECRETS.cameraUrl}@h/ and ${SECRETS.camera}"'
  shed:
    source: rtsp://127.0.0.9:1/live?token=${SECRETS.query}
  barn:
    source: rtsp://127.0.0.9:1/user=admin_password=${SECRETS.path}_channel=1
  odd-${SECRETS.camera}:
    source: publisher
`;

test('the bundle has the state of the box, and no secrets', async () => {
  const box = await startRestartingHarness({ config: CONFIG });
  onTestFinished(() => box[Symbol.asyncDispose]());
  const asks = (path: string, body: object) => box.ask('POST', path, body);
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const { body: guest } = await asks('guests', { paths: 'all', live: true, until });
  await asks('users', { name: 'ann', password: 'Zqxwvk-viewer-secret-13', cameras: 'all' });
  const { cookie } = box;
  await box.ask('GET', 'paths/list', undefined, {
    authorization: `Basic ${btoa('machine:Zqxwvk-wrong-14')}`,
    cookie: '',
  });
  box.cookie = cookie;
  // The cameras have been tried.
  await expect.poll(() => box.log.filter((line) => line.includes('"path":"door"')).length).toBeGreaterThan(0);
  await expect.poll(() => box.log.some((line) => line.includes(SECRETS.command))).toBe(true);

  const answer = await box.ask('GET', 'diagnostics');
  expect(answer.headers.get('content-disposition')).toMatch(/filename="perch-diagnostics-[\w-]+\.json\.gz"/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = gunzipSync(answer.body as Uint8Array).toString();
  const bundle = JSON.parse(text);
  expect(bundle).toMatchObject({
    ...{ format: 'perch-diagnostics', version: 'v0.0.0', versions: { node: process.versions.node } },
    machine: { limits: expect.arrayContaining([expect.stringMatching(/^Max open files/)]) },
    system: { memoryTotalBytes: expect.any(Number), disks: expect.any(Array) },
    config: { global: { hlsCDNSecret: '<redacted>', webrtcICEServers2: [{ url: 'turn:192.0.2.1:3478' }] } },
  });
  const [barn, door, gate] = bundle.config.paths;
  expect(barn.source).toBe('rtsp://127.0.0.9:1/user=admin_password=***');
  expect(door).toMatchObject({
    source: expect.stringContaining('127.0.0.9:1/live?channel=7&'),
    camera: { user: 'admin' },
  });
  expect(gate.runOnInit).toBe('<redacted>');
  expect(bundle.paths.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(['door', 'shed']));
  expect(bundle.cameras).toEqual([expect.objectContaining({ path: 'door', title: 'Front door' })]);
  expect(bundle.log.length).toBeGreaterThan(3);

  const kept = (file: string) => readFileSync(join(box.dataDir, file), 'utf8');
  const { users } = JSON.parse(kept('users.json')) as { users: { password: { hash: string; salt: string } }[] };
  const secrets = [
    ...Object.values(SECRETS).flatMap((secret) => [secret, encodeURIComponent(secret)]),
    ...[
      'Zqxwvk',
      PASSWORD,
      (guest as { token: string }).token,
      ...cookie.split('; ').map((one) => one.split('=')[1] ?? ''),
    ],
    ...users.flatMap(({ password }) => [password.hash, password.salt]),
    ...[...kept('sessions.json').matchAll(/[0-9a-f]{64}/g)].map(([hash]) => hash),
    // A feature may have a file of its own.
    ...['secret.json', ...readdirSync(box.dataDir).filter((file) => file.endsWith('-secret.json'))].flatMap(
      (file) => Object.values(JSON.parse(kept(file)) as object) as string[],
    ),
  ];
  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter((secret) => secret.length < 2 || text.includes(secret))).toEqual([]);
});

test('a viewer gets no bundle', async () => {
  const box = await startRestartingHarness();
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.ask('POST', 'users', { name: 'ann', password: 'password of ann', cameras: 'all' });
  await box.ask('POST', 'session', { user: 'ann', password: 'password of ann' });
  expect((await box.ask('GET', 'diagnostics')).status).toBe(401);
});

/** The bundle of a box with this configuration. @param then its file becomes this one */
async function bundleOf(config: string, then?: string): Promise<{ text: string; bundle: Record<string, unknown> }> {
  const box = await startRestartingHarness({ config });
  onTestFinished(() => box[Symbol.asyncDispose]());
  if (then !== undefined) {
    writeFileSync(join(box.dataDir, '../perch.yml'), then);
    // Reading the file by the API loads its new content.
    await box.ask('GET', 'config/file');
  }
  const { body } = await box.ask('GET', 'diagnostics');
  const text = gunzipSync(body as Uint8Array).toString();
  return { text, bundle: JSON.parse(text) };
}

test('the bundle has no secrets of a disabled path, under any key', async () => {
  const { text, bundle } = await bundleOf(`paths:
  broken:
    source: rtsp://admin:Zqxwvk-disabled-url@127.0.0.9:1/live?vendorkey=Zqxwvk-disabled-query
    record: perhaps
    readUser: ann
    readPass: Zqxwvk-disabled-reader
    password: Zqxwvk-misplaced
    camera: { onvif: 'http://127.0.0.9/onvif', user: admin, password: [Zqxwvk-listed, { pass: Zqxwvk-nested }] }
  # What was said about them elsewhere.
  Zqxwvk-disabled-url_Zqxwvk-disabled-query_Zqxwvk-disabled-reader: { source: publisher }
  Zqxwvk-misplaced_Zqxwvk-listed_Zqxwvk-nested: { source: publisher }
`);
  expect(bundle['config']).toMatchObject({
    paths: expect.arrayContaining([{ name: 'broken', error: expect.stringContaining("'perhaps'") }]),
  });
  expect(text).not.toContain('Zqxwvk');
});

test('the error of a file that is not YAML shows no secret', async () => {
  const { text, bundle } = await bundleOf(
    'paths: {}\n',
    'hlsCDNSecret: *Zqxwvk-alias\nzlmSecret: "Zqxwvk-quoted\npaths:\n  Zqxwvk-quoted: {}\n  cam: { camera: { password: *Zqxwvk-inner } }\n',
  );
  expect(bundle['problems']).not.toEqual([]);
  expect(text).not.toContain('Zqxwvk');
});

test('a short secret is masked in texts, and equal settings are not masked', async () => {
  const { bundle } = await bundleOf(`authInternalUsers:
  - { user: machine, pass: 'q7', permissions: [{ action: api }] }
paths:
  yard:
    source: rtsp://admin:tcp@127.0.0.9:1/live
    rtspTransport: tcp
    camera: { name: Yard (q7) by q75, onvif: 'http://127.0.0.9/onvif', user: admin, password: x }
`);
  const [yard] = (bundle['config'] as { paths: object[] }).paths;
  expect(yard).toMatchObject({
    source: 'rtsp://127.0.0.9:1/live',
    rtspTransport: 'tcp',
    camera: { name: 'Yard (***) by q75', onvif: 'http://127.0.0.9/onvif', password: '<redacted>' },
  });
});

const PROTOCOL_SECRETS = `srt: yes
srtAddress: 127.0.0.1:0
paths:
  stage:
    alwaysAvailable: yes
    alwaysAvailableTracks: [{ codec: H264 }]
    srtPublishPassphrase: Zqxwvk-srt-publish
    srtReadPassphrase: Zqxwvk-srt-read
    forward:
      - dest: rtmp://127.0.0.9:1/live2/Zqxwvk-stream-key
      - dest: rtmp://me:Zqxwvk-rtmp-password@127.0.0.9:1/app/Zqxwvk-second-key
      - dest: srt://127.0.0.9:1?streamid=publish:x:me:Zqxwvk-stream-id&passphrase=Zqxwvk-passphrase
      - dest: rtsp://me:Zqxwvk-rtsp-password@127.0.0.9:1/x
      - dest: whip://127.0.0.9:1/w
        whipBearerToken: Zqxwvk-whip-token
  far: { source: 'whep://127.0.0.9:1/a/whep', whepBearerToken: Zqxwvk-whep-token }
  pulled: { source: 'srt://127.0.0.9:1?streamid=read:x:me:Zqxwvk-pull-id&passphrase=Zqxwvk-pull-phrase' }
  streamed: { source: 'rtmp://me:Zqxwvk-pull-password@127.0.0.9:1/app/x?key=Zqxwvk-pull-key' }
`;

test('stream keys, passphrases and tokens of sources, servers and forwards show in no answer, log line or bundle', async () => {
  const box = await startRestartingHarness({ config: PROTOCOL_SECRETS });
  onTestFinished(() => box[Symbol.asyncDispose]());
  const states = async () => {
    const { body } = await box.ask('GET', 'paths/forward/list?path=stage');
    return (body as { items: { state: string }[] }).items.map(({ state }) => state);
  };
  const tried = ['far', 'pulled', 'streamed'];
  await expect.poll(states, { timeout: 20_000 }).toEqual(Array(5).fill('error'));
  await expect
    .poll(() => tried.filter((path) => !box.log.some((line) => line.includes(`"path":"${path}"`))), { timeout: 20_000 })
    .toEqual([]);
  const routes = ['config/paths/list', 'config/global/get', 'paths/list', 'paths/forward/list?path=stage', 'changes'];
  const answers = await Promise.all(routes.map(async (route) => JSON.stringify((await box.ask('GET', route)).body)));
  const { body } = await box.ask('GET', 'diagnostics');
  const texts = [...answers, ...box.log, gunzipSync(body as Uint8Array).toString()];
  expect(texts.filter((text) => text.includes('Zqxwvk'))).toEqual([]);
});
