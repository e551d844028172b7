import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { good, KEYS } from '../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../base/log.ts';
import { OTHER_CAMERA } from '../cameras/following/identity.ts';
import { IdentityCheckedSource, type IdentityWatch } from '../cameras/identity-checked-source.ts';
import type { LoginWatch, SourceProtocol, SourceRequest } from '../protocols/contract.ts';
import { FEATURES } from './features/table.ts';
import { makeSource } from './media.ts';
import { SERVERS, SOURCES } from './protocols.ts';

const clock = new FakeClock();
const watch: IdentityWatch = { check: async () => 'same', failed: () => {}, connected: () => {} };

interface Made {
  readonly protocols?: readonly SourceProtocol[];
  readonly watch?: IdentityWatch | undefined;
}

function sourceOf(text: string, made: Made = {}) {
  const { protocols = SOURCES } = made;
  const config = good(`perch: own\npaths: {cam: ${text}}`);
  const settings = config.paths.get('cam')?.settings;
  if (!settings) {
    throw new Error('the path is wrong');
  }
  const request = { name: 'cam', settings, config, clock, log: silentLogger };
  return makeSource(protocols, request, 'watch' in made ? made.watch : watch);
}

test.for(['rtsp', 'RTSPS', 'rtsp+http', 'rtsps+ws'])('%s:// is an RTSP source', (scheme) => {
  expect(sourceOf(`{source: "${scheme}://h/1"}`).type).toBe('rtspSource');
});

test('the source of a camera with an identity is checked against it', () => {
  const camera = (more: string, options = {}) =>
    sourceOf(`{source: "rtsp://h/1", camera: {onvif: "http://h/onvif"${more}}}`, options);
  expect(camera('')).not.toBeInstanceOf(IdentityCheckedSource);
  expect(camera(', serial: "1"')).toBeInstanceOf(IdentityCheckedSource);
  // Its result would count for the camera of the path, which may be another one.
  expect(camera(', serial: "1"', { watch: undefined })).not.toBeInstanceOf(IdentityCheckedSource);
});

test.for(['rtsp', 'rtmp', 'http'])('the login of %s:// waits for the identity of the camera', async (scheme) => {
  let loginWatch: LoginWatch | undefined;
  const protocols = SOURCES.map((protocol) => ({
    ...protocol,
    create: (request: SourceRequest) => {
      ({ loginWatch } = request);
      return protocol.create(request);
    },
  }));
  const other = { ...watch, check: async () => 'other' as const };
  const source = sourceOf(`{source: "${scheme}://h/1", camera: {onvif: "http://h/onvif", serial: "1"}}`, {
    protocols,
    watch: other,
  });
  const { signal } = new AbortController();
  await expect(source.run({ publish: () => expect.fail() }, signal)).rejects.toThrow(OTHER_CAMERA);
  await expect(loginWatch?.turn(signal)).rejects.toThrow(OTHER_CAMERA);
});

test('the loader knows the keys of each protocol', () => {
  const ofFeatures = FEATURES.flatMap(({ sources = [] }) => sources);
  expect([...SOURCES.map(({ keys }) => keys), ...ofFeatures]).toEqual(KEYS.sources);
  expect(new Set(SERVERS.map(({ keys }) => keys))).toEqual(new Set(KEYS.servers));
});
