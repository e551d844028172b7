import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import { motionRoutes } from './routes.ts';

test('how much moves in a stream, and 404 where none is looked at', async () => {
  await using app = createHttpApp({ log: silentLogger });
  const now = { stream: 'cam_sub', score: 0.25, moving: false, inHours: true, boxes: [] };
  motionRoutes(app, { of: (path) => (path === 'cam' ? now : undefined) });
  const get = async (path: string) => {
    const answer = await app.inject({ url: `/cameras/motion/${path}` });
    return [answer.statusCode, answer.json()];
  };
  expect(await get('cam')).toEqual([200, now]);
  const error = "no motion is detected in path 'garden/gate'";
  expect(await get('garden/gate')).toEqual([404, { status: 'error', error }]);
});
