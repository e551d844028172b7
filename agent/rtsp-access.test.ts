import { expect, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { Authority } from './auth/authorize.ts';
import { silentLogger } from './base/log.ts';
import { WrongCredentials } from './http/wrong-credentials.ts';
import { RtspAuthority } from './rtsp-access.ts';

const NOBODY = { owner: 'owner', verify: async () => false, person: () => undefined };
const OWN_PORT = 40_000;

function accessOf() {
  const authority = new Authority(NOBODY, { isOwn: false, internalUsers: [] });
  const wrong = new WrongCredentials(new FakeClock(), new AbortController().signal);
  const programs = {
    isFor: (path: string, { ip, port }: { ip: string; port: number }) =>
      path === 'cam' && ip === '127.0.0.1' && port === OWN_PORT,
  };
  return new RtspAuthority(authority, wrong, silentLogger, programs);
}

const requester = { ip: '127.0.0.1', port: OWN_PORT, query: '', id: 'x', userAgent: '', credentials: undefined };

test.for(['publish', 'read'] as const)(
  'a program that Perch has started with a command that names a path needs no password to %s there',
  async (action) => {
    expect(await accessOf().authorize(action, 'cam', requester)).toEqual({ user: '' });
  },
);

test.for([
  ['to publish to another path', 'publish', 'other', {}],
  ['to read another path', 'read', 'other', {}],
  ['from another port', 'publish', 'cam', { port: OWN_PORT + 1 }],
  ['from another machine', 'publish', 'cam', { ip: '192.168.1.20' }],
] as const)('it needs one as everybody does: %s', async ([, action, path, other]) => {
  expect(await accessOf().authorize(action, path, { ...requester, ...other })).toBe('challenge');
});
