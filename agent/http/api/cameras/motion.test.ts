import { expect, test } from 'vitest';
import { failure, LOOPBACK, openApi } from '../../../../test/support/harness/http/control-api-harness.ts';

test('how much moves in a stream, and 404 where none is looked at', async () => {
  await using api = await openApi();
  const get = async (path: string) => {
    const answer = await api.app.inject({ url: `/v3/cameras/motion/${path}`, ...LOOPBACK });
    return [answer.statusCode, answer.json()];
  };
  expect(await get('cam')).toEqual([200, { stream: 'cam_sub', score: 0.25, moving: false, inHours: true, boxes: [] }]);
  expect(await get('garden/gate')).toEqual([404, failure("no motion is detected in path 'garden/gate'")]);
});
