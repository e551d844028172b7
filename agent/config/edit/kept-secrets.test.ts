import Type from 'typebox';
import { expect, test } from 'vitest';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { FEATURES } from '../../app/features/table.ts';
import { keysOf } from '../../app/keys.ts';
import { PROTOCOLS } from '../../app/protocols.ts';
import { globalJson, pathDefaultsJson, pathListJson } from './json.ts';

const OWNER = { hasAllRights: true };
const MACHINE = { hasAllRights: false };

const PATHS = `# mine
paths:
  cam: # the door
    source: rtsp://me:pw@h/1
    record: yes # always
    camera: {user: me, password: pw}
  loft:
`;

test('an answer can be sent back unchanged: hidden passwords stay', async () => {
  const users = 'authInternalUsers: [{user: a, pass: one}, {user: b, pass: two}]\nhlsCDNSecret: abc\n';
  const before = `${users}${PATHS}`;
  const { edits, store, text } = await fileOf(before);
  await edits.patchGlobal(globalJson(store.current), MACHINE);
  await edits.patchPathDefaults(pathDefaultsJson(store.current), MACHINE);
  for (const path of pathListJson(store.current)) {
    await edits.patchPath(path.name, path, MACHINE);
  }
  expect(text()).toBe(before);

  const [cam] = pathListJson(store.current);
  await edits.replacePath('cam', { ...cam, maxReaders: 2 }, MACHINE);
  expect(store.current.paths.get('cam')?.settings).toMatchObject({
    source: 'rtsp://me:pw@h/1',
    camera: { user: 'me', password: 'pw' },
    maxReaders: 2,
  });
  expect(text()).toContain('record: yes # always');
});

test('an address with another path keeps its hidden login', async () => {
  const login = 'pia:s3c#r:e$&@t';
  const { edits, store } = await fileOf(`paths: {cam: {source: "rtsp://${login}@Cam:554/1"}}\n`);
  const source = () => store.current.paths.get('cam')?.settings?.source;
  await edits.patchPath('cam', { source: 'rtsp://cam:554/2?x=1' }, MACHINE);
  expect(source()).toBe(`rtsp://${login}@cam:554/2?x=1`);
  await edits.replacePath('cam', { source: ' rtsp://cam:554/a@b' }, MACHINE);
  expect(source()).toBe(`rtsp://${login}@cam:554/a@b`);
  const tried = await edits.tryPath('cam', { source: 'rtsp://cam:554' }, MACHINE);
  expect(tried.paths.get('cam')?.settings?.source).toBe(`rtsp://${login}@cam:554`);
  // The login of an address would take precedence over this one.
  await edits.patchPath('cam', { source: 'rtsp://cam:554/3', camera: { user: 'me', password: 'new' } }, MACHINE);
  expect(source()).toBe('rtsp://cam:554/3');
});

test.for([
  'rtsp://me:new@cam:554/2',
  'rtsp://me@cam:554/2',
  'rtsp://@cam:554/2',
  'rtsp://other:554/2',
  'rtsp://cam:555/2',
  'rtsp://cam/2',
  'http://cam:554/2',
  'rtsp+http://cam:554/2',
  'rtsp://cam:554?x@evil/2',
  'rtsp://cam:554#x@evil/2',
  'rtsp://cam:554?$MTX_QUERY',
  'publisher',
])("the hidden login of rtsps://cam:554/1 or rtsp://cam:554/1 is not in '%s'", async (source) => {
  for (const scheme of ['rtsps', 'rtsp']) {
    const { edits, text } = await fileOf(`paths: {cam: {source: "${scheme}://pia:s3cret@cam:554/1"}}\n`);
    await edits
      .patchPath('cam', { source }, MACHINE)
      .catch(() => edits.patchPath('cam', { source: 'publisher' }, MACHINE));
    expect(text()).not.toContain('s3cret');
  }
});

test('the hidden login of an address with TLS is not in one without', async () => {
  const { edits, text } = await fileOf('paths: {cam: {source: "rtsps://pia:s3cret@cam:554/1"}}\n');
  await edits.patchPath('cam', { source: 'rtsp://cam:554/1' }, MACHINE);
  expect(text()).not.toContain('s3cret');
});

test('hidden passwords follow their users when a list is reordered, and one without a user is rejected', async () => {
  const { edits, store } = await fileOf('authInternalUsers: [{user: a, pass: one}, {user: b, pass: two}]\n');
  const hidden = (user: string) => ({ user, pass: '<redacted>' });
  await edits.patchGlobal({ authInternalUsers: [hidden('b'), { user: 'c', pass: 'new' }, hidden('a')] }, OWNER);
  expect(store.current.authInternalUsers.map(({ user, pass }) => [user, pass])).toEqual([
    ['b', 'two'],
    ['c', 'new'],
    ['a', 'one'],
  ]);
  await expect(edits.patchGlobal({ authInternalUsers: [hidden('d')] }, OWNER)).rejects.toThrow(
    "authInternalUsers[0].pass: '<redacted>' stands for a secret that is not set",
  );
});

test('a destination that is sent back keeps its password and token at any place; another one does not get them', async () => {
  const dest = (host: string) => `rtsp://pia:secret@${host}/door`;
  const item = (host: string) => `{dest: "${dest(host)}", whipBearerToken: token-${host}}`;
  const { edits, store } = await fileOf(`paths: {cam: {forward: [${item('a')}, ${item('b')}]}}\n`);
  const shown = (host: string) => ({ dest: `rtsp://${host}/door`, whipBearerToken: '<redacted>' });
  await edits.patchPath('cam', { forward: [shown('b'), shown('a')] }, MACHINE);
  const kept = (host: string) => ({ dest: dest(host), destFingerprint: '', whipBearerToken: `token-${host}` });
  expect(store.current.paths.get('cam')?.settings?.forward).toEqual([kept('b'), kept('a')]);
  await expect(edits.patchPath('cam', { forward: [shown('c')] }, MACHINE)).rejects.toThrow(
    "whipBearerToken: '<redacted>' stands for a secret that is not set",
  );
  await expect(edits.patchPath('cam', { forward: [{ dest: 'rtsp://c/***' }] }, MACHINE)).rejects.toThrow(
    "forward[0].dest: '***' stands for a stream key: send the whole URL",
  );
});

test("a command with '***' for a secret that is not known is rejected", async () => {
  const { edits } = await fileOf('paths: {cam: }\n');
  await expect(edits.patchPath('cam', { runOnInit: 'curl http://h/?pass=***' }, OWNER)).rejects.toThrow('runOnInit');
});

test("a camera's hidden password stays with its host", async () => {
  const onvif = (host: string) => `http://${host}/onvif/device_service`;
  const { edits, store } = await fileOf(`paths: {cam: {camera: {onvif: "${onvif('192.0.2.7')}", password: pw}}}\n`);
  const camera = () => store.current.paths.get('cam')?.settings?.camera;
  await edits.patchPath('cam', { camera: { onvif: `${onvif('192.0.2.7')}2`, password: '<redacted>' } }, MACHINE);
  expect(camera()).toEqual({ onvif: `${onvif('192.0.2.7')}2`, password: 'pw' });
  for (const host of ['192.0.2.8', '192.0.2.7:8080']) {
    const moved = { onvif: onvif(host), password: '<redacted>', clearPassword: true };
    await expect(edits.patchPath('cam', { camera: moved }, MACHINE)).rejects.toThrow(
      "camera.password: '<redacted>' stands for a secret of another host: send the secret",
    );
  }
  await edits.patchPath('cam', { camera: { password: '<redacted>' } }, MACHINE);
  await expect(
    edits.patchPath('cam', { camera: { onvif: onvif('192.0.2.8'), password: '<redacted>' } }, MACHINE),
  ).rejects.toThrow('another host');
  await edits.patchPath('cam', { camera: { onvif: onvif('192.0.2.8'), password: 'new' } }, MACHINE);
  expect(camera()).toEqual({ onvif: onvif('192.0.2.8'), password: 'new' });
});

test('the token of a WHEP server stays with its host, in a saved change and in one that is only tried', async () => {
  const whep = (rest: string) => `wheps://a.example${rest}`;
  const { edits, store } = await fileOf(`paths: {cam: {source: "${whep('/1/whep')}", whepBearerToken: t0k3n}}\n`);
  const settings = () => store.current.paths.get('cam')?.settings;
  await edits.patchPath('cam', { source: whep('/2/whep'), whepBearerToken: '<redacted>' }, MACHINE);
  await edits.patchPath('cam', { source: whep('/3/whep') }, MACHINE);
  expect(settings()).toMatchObject({ source: whep('/3/whep'), whepBearerToken: 't0k3n' });
  for (const source of ['wheps://evil.example/3/whep', 'wheps://a.example:8443/3/whep', 'whep://a.example/3/whep']) {
    for (const token of [{}, { whepBearerToken: '<redacted>' }]) {
      const another = 'the kept token is that of another server: send whepBearerToken';
      await expect(edits.patchPath('cam', { source, ...token }, MACHINE)).rejects.toThrow(another);
      await expect(edits.tryPath('cam', { source, ...token }, MACHINE)).rejects.toThrow(another);
    }
    const hidden = { source, whepBearerToken: '<redacted>' };
    await expect(edits.replacePath('cam', hidden, MACHINE)).rejects.toThrow('another server');
  }
  await edits.patchPath('cam', { source: 'wheps://b.example/1', whepBearerToken: 'other' }, MACHINE);
  expect(settings()).toMatchObject({ source: 'wheps://b.example/1', whepBearerToken: 'other' });
  await edits.replacePath('cam', { source: 'wheps://c.example/1' }, MACHINE);
  expect(settings()).toMatchObject({ source: 'wheps://c.example/1', whepBearerToken: '' });
  await edits.patchPath('cam', { source: 'rtsp://d.example/1' }, MACHINE);
});

test("the password of a feature's server stays with its host, also when a path is replaced", async () => {
  const pathSchema = {
    relayURL: Type.String({ default: '', description: 'The server.' }),
    relayPassword: Type.String({ default: '', secret: true, keptFor: 'relayURL', description: 'Its password.' }),
  };
  const relay = { name: 'relay', keys: { title: 'Relay', schema: {}, pathSchema }, open: () => ({}) };
  const text = 'paths: {cam: {relayURL: "https://a.example/1", relayPassword: hunter22}}\n';
  const { edits, store } = await fileOf(text, {}, keysOf(PROTOCOLS, [...FEATURES, relay]));
  const relayPassword = '<redacted>';
  const elsewhere = { relayURL: 'https://evil.example/1', relayPassword };
  await expect(edits.patchPath('cam', elsewhere, OWNER)).rejects.toThrow('another server');
  await expect(edits.replacePath('cam', elsewhere, OWNER)).rejects.toThrow('another server');
  await edits.replacePath('cam', { relayURL: 'https://a.example/2', relayPassword }, OWNER);
  expect(store.current.paths.get('cam')?.settings).toMatchObject({ relayPassword: 'hunter22' });
  await edits.replacePath('cam', { relayURL: 'https://b.example/1' }, OWNER);
  expect(store.current.paths.get('cam')?.settings).toMatchObject({ relayPassword: '' });
});
