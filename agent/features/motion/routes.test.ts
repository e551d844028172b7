import { expect, test } from 'vitest';
import type { Person } from '../../auth/accounts/person.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import type { MotionMoments } from './moments/motion-moments.ts';
import { type CameraMotion, motionRoutes } from './routes.ts';

interface Lookups extends Pick<MotionMoments, 'find' | 'read'> {
  of(path: string): CameraMotion | undefined;
  limitedPerson(): Person | undefined;
}

function open(lookups: Partial<Lookups>) {
  const none = async () => ({ moments: [], isCut: false, unreadSeconds: 0, unreadableSeconds: 0, progress: undefined });
  const { of, find, read, limitedPerson } = {
    of: () => undefined,
    find: none,
    read: () => {},
    limitedPerson: () => undefined,
    ...lookups,
  };
  const app = createHttpApp({ log: silentLogger });
  motionRoutes(app, { streams: { of }, moments: async () => ({ find, read }), access: { limitedPerson } });
  return app;
}

test('how much moves in a stream, and 404 where none is looked at', async () => {
  const now = { stream: 'cam_sub', score: 0.25, moving: false, inHours: true, boxes: [] };
  await using app = open({ of: (path) => (path === 'cam' ? now : undefined) });
  const get = async (path: string) => {
    const answer = await app.inject({ url: `/cameras/motion/${path}` });
    return [answer.statusCode, answer.json()];
  };
  expect(await get('cam')).toEqual([200, now]);
  const error = "no motion is detected in path 'garden/gate'";
  expect(await get('garden/gate')).toEqual([404, { status: 'error', error }]);
});

const DAY = 'from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z';

test('moments in which something moved in a box, and the reading of recordings that lack them', async () => {
  const asked: unknown[] = [];
  await using app = open({
    find: async (...one) => {
      asked.push(one);
      const moment = { startS: 1_782_864_030, seconds: 4, peakS: 1_782_864_031, share: 0.333 };
      return { moments: [moment], isCut: false, unreadSeconds: 60, unreadableSeconds: 9, progress: 0.5 };
    },
    read: (...one) => void asked.push(one),
  });
  const answer = await app.inject({ url: `/motion/moments/cam?${DAY}&x=0.5&width=0.25` });
  expect(answer.json()).toEqual({
    moments: [{ start: '2026-07-01T00:00:30.000Z', duration: 4, peak: '2026-07-01T00:00:31.000Z', share: 0.33 }],
    isCut: false,
    unreadSeconds: 60,
    unreadableSeconds: 9,
    progress: 0.5,
  });
  expect((await app.inject({ method: 'POST', url: `/motion/moments/cam?${DAY}` })).statusCode).toBe(200);
  const period = { fromS: 1_782_864_000, toS: 1_782_950_400 };
  expect(asked).toEqual([
    ['cam', period, { x: 0.5, y: 0, width: 0.25, height: 1 }],
    ['cam', period, ''],
  ]);
});

test.for([
  ['no times', ''],
  ['a time that is none', 'from=yesterday&to=2026-07-02T00:00:00Z'],
  ['an end before the start', 'from=2026-07-02T00:00:00Z&to=2026-07-01T00:00:00Z'],
  ['more than a week', 'from=2026-07-02T00:00:00Z&to=2026-07-11T00:00:00Z'],
  ['a box outside of the picture', `${DAY}&x=1.5`],
])('400 for %s', async ([, query]) => {
  await using app = open({});
  expect((await app.inject({ url: `/motion/moments/cam?${query}` })).statusCode).toBe(400);
});

test('a viewer gets the moments of cameras whose recordings they may play', async () => {
  const person = { may: (action: string, path: string) => action === 'playback' && path === 'yard' } as Person;
  await using app = open({ limitedPerson: () => person });
  const statusOf = async (method: 'GET' | 'POST', path: string) =>
    (await app.inject({ method, url: `/motion/moments/${path}?${DAY}` })).statusCode;
  expect([await statusOf('GET', 'yard'), await statusOf('POST', 'yard')]).toEqual([200, 200]);
  expect([await statusOf('GET', 'hall'), await statusOf('POST', 'hall')]).toEqual([404, 404]);
});
