import { expect, test } from 'vitest';
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
