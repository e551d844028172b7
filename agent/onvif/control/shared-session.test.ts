import { expect, test } from 'vitest';
import type { OnvifSession } from '../device/onvif-session.ts';
import { type CameraTrouble, cameraError } from '../soap/http/failures.ts';
import { SharedSession } from './shared-session.ts';

function begin(failing: CameraTrouble | undefined) {
  let opened = 0;
  const keeper = new SharedSession(async () => {
    opened += 1;
    if (opened === 1 && failing) {
      throw cameraError(failing, 'not now');
    }
    return {} as OnvifSession;
  });
  return { keeper, opened: () => opened };
}

const fail = (trouble: CameraTrouble) => () => Promise.reject(cameraError(trouble, 'no'));
const pass = () => Promise.resolve(1);

test('one session serves many calls at once, and a fault of one call changes nothing', async () => {
  const { keeper, opened } = begin(undefined);
  await Promise.all([keeper.use(pass), keeper.use(pass)]);
  await expect(keeper.use(fail('notSupported'))).rejects.toThrow('no');
  await keeper.use(pass);
  expect(opened()).toBe(1);
});

test('after a failure of the camera the next call starts a new session', async () => {
  const { keeper, opened } = begin(undefined);
  await expect(keeper.use(fail('unreachable'))).rejects.toThrow('no');
  await keeper.use(pass);
  expect(opened()).toBe(2);
});

test.for<CameraTrouble>(['unreachable', 'badReply', 'notSupported'])(
  'a session that did not begin (%s) is tried again with the next call',
  async (trouble) => {
    const { keeper, opened } = begin(trouble);
    await expect(keeper.use(pass)).rejects.toThrow('not now');
    expect(await keeper.use(pass)).toBe(1);
    expect(opened()).toBe(2);
  },
);
