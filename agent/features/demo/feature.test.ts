import { expect, test } from 'vitest';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { demo } from './feature.ts';

test("the demo camera's paths are identified as such, if there is a demo camera", () => {
  const config = good('perch: own\n');
  for (const path of ['demo', 'demo_sub']) {
    expect(demo.pathText?.(config, path)).toBe('of the demo camera, which exists until a camera is configured');
  }
  expect(demo.pathText?.(config, 'demo2')).toBeUndefined();
  expect(demo.pathText?.(good('perch: own\nserver: yes\n'), 'demo')).toBeUndefined();
  expect(demo.pathText?.(good('perch: own\npaths:\n  cam:\n'), 'demo')).toBeUndefined();
});

test('the demo camera is listed and read like any other, and removed only by an adoption', async () => {
  await using box = await openAdoptionHarness({});
  const list = async () => (await box.call('GET', '/cameras/list')).body['items'];
  await expect.poll(list, { timeout: 20_000 }).toMatchObject([{ path: 'demo', sub: 'demo_sub', title: 'Demo camera' }]);
  const { status, body } = await box.call('POST', '/cameras/read/demo');
  expect([status, body['description']]).toMatchObject([
    200,
    { manufacturer: 'Perch', profiles: [{ codec: 'H264' }, {}] },
  ]);
  expect((await box.call('DELETE', '/cameras/forget/demo')).status).toBe(404);
});
