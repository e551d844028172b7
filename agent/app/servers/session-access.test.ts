import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { Authority } from '../../auth/permissions/authorize.ts';
import { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { SessionAuthority } from './session-access.ts';

const NO_MEDIA = { owner: 'owner', verify: async () => false, person: () => undefined };
const OWN = { client: { ip: '127.0.0.1', port: 40_000 }, server: { ip: '127.0.0.1', port: 8554 } };

function accessOf() {
  const authority = new Authority(NO_MEDIA, { isOwn: false, internalUsers: [] });
  const wrong = new WrongCredentials(new FakeClock(), new AbortController().signal);
  const programs = {
    isFor: (path: string, asked: unknown) => path === 'cam' && asked === OWN,
  };
  return new SessionAuthority(authority, wrong, silentLogger, programs);
}

const requester = {
  protocol: 'rtsp',
  ip: '127.0.0.1',
  connection: OWN,
  query: '',
  id: 'x',
  userAgent: '',
  credentials: undefined,
};

test.for(['publish', 'read'] as const)(
  'a program that Perch has started with a command that names a path needs no password to %s there',
  async (action) => {
    expect(await accessOf().authorize(action, 'cam', requester)).toEqual({ user: '' });
  },
);

test.for([
  ['to publish to another path', 'publish', 'other', {}],
  ['to read another path', 'read', 'other', {}],
  ['over another connection', 'publish', 'cam', { connection: { ...OWN } }],
  ['through a tunnel', 'publish', 'cam', { connection: undefined }],
  ['from another machine', 'publish', 'cam', { ip: '192.168.1.20' }],
] as const)('others need a login: %s', async ([, action, path, other]) => {
  expect(await accessOf().authorize(action, path, { ...requester, ...other })).toBe('challenge');
});

test('while no person is known a login is neither refused nor challenged, but answered with the reason', async () => {
  const unknown = new PerchError('unavailable', 'the database does not answer');
  const authority = new Authority({ ...NO_MEDIA, unknown }, { isOwn: true, internalUsers: [] });
  const wrong = new WrongCredentials(new FakeClock(), new AbortController().signal);
  const access = new SessionAuthority(authority, wrong, silentLogger);
  const digest = { user: 'owner', proves: () => false };
  for (const credentials of [undefined, { user: 'owner', password: 'blue heron' }, digest]) {
    await expect(access.authorize('read', 'cam', { ...requester, credentials })).rejects.toBe(unknown);
  }
});
